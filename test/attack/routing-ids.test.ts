/** Attacks with what a peer says of itself below agentmq: its routing id, and other properties of ZMTP. */
import t from 'tap'
import type { KeyPair } from '../../protocol/keys/key-pair.ts'
import { AttackStage } from '../support/attack-stage.ts'
import { helloOf } from '../support/zmtp/agent-peer.ts'
import { DEALER, type Properties } from '../support/zmtp/wire.ts'

/** Where libzmq 4.3.5 begins to count the ids that ROUTER makes: in every process at the same number. */
const FIRST_ID = 0xe43c9869

function counted(number: number): Buffer {
  const id = Buffer.alloc(5)
  id.writeUInt32BE(number >>> 0, 1)
  return id
}

const named = (id: Buffer | string): Properties => [...DEALER, ['Identity', id]]

async function isServed(stage: AttackStage, own: KeyPair, claims: Properties): Promise<boolean> {
  const outcome = await stage.attempt(own, { claims })
  if (outcome.type !== 'ready') return false
  outcome.session.connection.close()
  return true
}

t.test('a peer that claims the ids that ROUTER makes next does not end the broker', async (t) => {
  const stage = await AttackStage.apart(t)
  const mallory = await stage.principal('mallory', ['observer'])
  for (let ahead = 0; ahead < 8; ahead += 1) {
    const peer = await stage.welcomed(mallory, 'observer', {
      claims: named(counted(FIRST_ID + ahead)),
    })
    t.match(await peer.call('1', 'system.info', {}), { epoch: 1 })
  }
  const anna = await stage.principal('anna', ['operator'])
  for (let count = 0; count < 8; count += 1) {
    const peer = await stage.welcomed(anna)
    t.match(await peer.call('1', 'system.info', {}), { epoch: 1 }, 'and others get in')
  }
})

t.test('nobody keeps an id that it has chosen, however busy the broker is', async (t) => {
  // On one core the I/O thread is interrupted as soon as it asks the handler: the worst that can happen.
  const stage = await AttackStage.apart(t, ['taskset', '-c', '0'])
  const mallory = await stage.principal('mallory', ['observer'])
  for (let round = 0; round < 100; round += 1) {
    const peer = await stage.connection(mallory, { claims: named(`round ${round}`) })
    const { principal } = await peer.greet(mallory, stage.door.key, { role: 'observer' })
    if (principal !== 'mallory') t.fail(`round ${round}`)
    peer.session.connection.close()
  }
  t.pass('100 were known by the key that they had')
})

t.test('nobody gets the mail of another by its id', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['operator'])
  const mallory = await stage.principal('mallory', ['observer'])
  const claims = named('anna')
  const honest = await stage.welcomed(anna, 'operator', { claims })
  const thief = await stage.welcomed(mallory, 'observer', { claims })
  const again = await stage.welcomed(anna, 'operator', { claims })
  t.match(await thief.call('1', 'task.create', { title: 'x' }), 'FORBIDDEN')
  t.match(await honest.call('1', 'task.create', { title: 'one' }), { title: 'one' })
  t.match(await again.call('1', 'task.create', { title: 'two' }), { title: 'two' })
})

t.test('an id in the form of the other side gives no right of that side', async (t) => {
  const stage = await AttackStage.start(t)
  const mallory = await stage.principal('mallory', ['observer'])
  for (const id of ['l:', 'l:\0\0\0\0\u0001', 'n:', 'local', '\0', 'x'.repeat(255)]) {
    const peer = await stage.connection(mallory, { claims: named(id) })
    const welcome = await peer.greet(mallory, stage.door.key)
    t.match(welcome, { principal: 'mallory', roles: ['observer'] }, JSON.stringify(id))
    peer.hello(helloOf({ principal: 'local' }))
    t.equal(await peer.refusal(), 'UNAUTHENTICATED')
  }
})

t.test('properties that a peer makes up change nothing', async (t) => {
  const stage = await AttackStage.start(t)
  const mallory = await stage.principal('mallory', ['observer'])
  const forged: Properties = [
    ...DEALER,
    ['User-Id', 'local'],
    ['Peer-Address', '127.0.0.1'],
    ['Identity', 'first'],
    ['Identity', ''],
    ['Resource', '/admin'],
    ['X-Long', Buffer.alloc(1024 * 1024, 'x')],
  ]
  const peer = await stage.connection(mallory, { claims: forged })
  const welcome = await peer.greet(mallory, stage.door.key)
  t.match(welcome, { principal: 'mallory', roles: ['observer'] })
})

t.test(
  'metadata that is too large, cut short or of another socket ends its own connection',
  async (t) => {
    const stage = await AttackStage.start(t)
    const mallory = await stage.principal('mallory', ['observer'])
    const wrong: readonly Properties[] = [
      [...DEALER, ['X-Long', Buffer.alloc(5 * 1024 * 1024)]],
      [['Socket-Type', 'SUB']],
      [['Socket-Type', 'ROUTERX']],
    ]
    for (const claims of wrong) t.notOk(await isServed(stage, mallory, claims))
    t.ok(await isServed(stage, mallory, DEALER), 'the broker goes on')
  },
)
