/** Attacks on the handshake of agentmq, by peers whose key opened the connection: who they say that they are. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import { proofOf } from '../../protocol/keys/proof.ts'
import { ROLES, type Role } from '../../protocol/messages/handshake.ts'
import type { Head } from '../../protocol/messages/index.ts'
import { readKeys } from '../../protocol/process/key-file.ts'
import { AttackStage } from '../support/attack-stage.ts'
import { LiveBroker } from '../support/live-broker.ts'
import { type AgentPeer, helloOf, macOf, requestOf } from '../support/zmtp/agent-peer.ts'

t.test('HELLO claims no other principal, and not that of this machine', async (t) => {
  const stage = await AttackStage.start(t)
  await stage.principal('anna', ['admin'])
  const mallory = await stage.principal('mallory', ['observer'])
  for (const principal of ['anna', 'local', 'Mallory', 'nobody', 'mallory\n', '__proto__']) {
    const peer = await stage.connection(mallory)
    const hello = helloOf({ key: mallory.publicKey, principal })
    peer.hello(hello)
    const nonce = await peer.challenge()
    peer.prove(nonce, macOf(mallory, stage.door.key, nonce, hello))
    t.equal(await peer.refusal(), 'UNAUTHENTICATED', JSON.stringify(principal))
    t.equal(await peer.call('1', 'system.info', {}), 'NOT_WELCOME')
  }
})

t.test(
  'HELLO without a key, or with one that did not open the connection, is refused',
  async (t) => {
    const stage = await AttackStage.start(t)
    const anna = await stage.principal('anna', ['admin'])
    const mallory = await stage.principal('mallory', ['observer'])
    const peer = await stage.connection(mallory)
    const others = [
      undefined,
      '',
      'x'.repeat(40),
      newKeyPair(randomBytes).publicKey,
      anna.publicKey,
    ]
    for (const key of others) {
      peer.hello(helloOf({ ...(key !== undefined && { key }), principal: '' }))
      t.equal(await peer.refusal(), 'UNAUTHENTICATED', `${key}`)
    }
  },
)

t.test('a HELLO that was stolen is worth nothing without the key', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['admin'])
  const mallory = await stage.principal('mallory', ['observer'])
  const peer = await stage.connection(mallory)
  const hello = helloOf({ key: mallory.publicKey })
  peer.hello(hello)
  const nonce = await peer.challenge()
  // A proof of anna for this very nonce, as she would make it.
  peer.prove(nonce, macOf(anna, stage.door.key, nonce, helloOf({ key: anna.publicKey })))
  t.equal(await peer.refusal(), 'UNAUTHENTICATED')
})

t.test('who has stolen the key of the broker is still nobody else', async (t) => {
  const broker = await LiveBroker.start(t, { listen: 'tcp://127.0.0.1:*' })
  const stage = await AttackStage.on(t, broker)
  const anna = await stage.principal('anna', ['admin'])
  const mallory = await stage.principal('mallory', ['observer'])
  const stolen = readKeys(join(broker.dir, 'keys', 'broker.key'))?.current
  t.ok(stolen)
  const peer = await stage.connection(mallory)
  const hello = helloOf({ key: anna.publicKey, principal: 'anna' })
  peer.hello(hello)
  const answer = await peer.hear()
  t.equal(answer?.kind, 'ERROR', 'there is no nonce to prove anything with')
  // And for a nonce of her own connection it would be a proof.
  const nonce = randomBytes(32)
  const keys = { theirKey: anna.publicKey, brokerKey: stage.door.key }
  const forged = proofOf({ ...keys, secretKey: stolen?.secretKey ?? '' }, nonce, {
    ...hello,
    key: anna.publicKey,
  })
  t.same(forged, macOf(anna, stage.door.key, nonce, hello))
})

/** What a key of each role may become, if it asks for it. */
const MAY_BE: Readonly<Record<string, readonly string[]>> = {
  observer: ['observer'],
  operator: ['observer', 'operator'],
  host: ['host'],
  gateway: ['gateway'],
}

t.test('nobody is more than the roles that he was given', async (t) => {
  const stage = await AttackStage.start(t)
  for (const [role, allowed] of Object.entries(MAY_BE)) {
    const own = await stage.principal(role, [role as Role])
    for (const asked of ROLES) {
      const peer = await stage.connection(own)
      const roles = await peer.greet(own, stage.door.key, { role: asked }).then(
        (welcome) => welcome.roles,
        (thrown: unknown) => {
          t.match(thrown, { message: 'FORBIDDEN' })
          return []
        },
      )
      t.ok(
        roles.every((one) => allowed.includes(one)),
        `${role} asks to be ${asked}: ${roles.join()}`,
      )
      if (asked === role) t.same(roles, [role])
      peer.session.connection.close()
    }
  }
})

t.test('a proof is good once: not again, not elsewhere, not after a restart', async (t) => {
  const broker = await LiveBroker.start(t, { listen: 'tcp://127.0.0.1:*' })
  const stage = await AttackStage.on(t, broker)
  const anna = await stage.principal('anna', ['operator'])
  const first = await stage.connection(anna)
  const hello = helloOf({ key: anna.publicKey })
  first.hello(hello)
  const nonce = await first.challenge()
  const mac = macOf(anna, stage.door.key, nonce, hello)
  first.prove(nonce, mac)
  await first.hearKind('WELCOME')
  await t.test('on the same connection', async (t) => {
    first.hello(hello)
    await first.challenge()
    first.prove(nonce, mac)
    t.equal(await first.call('1', 'system.info', {}), 'NOT_WELCOME')
  })
  await t.test('on another connection', async (t) => {
    await refuses(await stage.connection(anna))
    t.pass('refused')
  })
  await t.test('after a restart', async (t) => {
    await broker.restart()
    const next = await AttackStage.on(t, broker)
    await refuses(await next.connection(anna))
    t.pass('refused')
  })

  async function refuses(peer: AgentPeer): Promise<void> {
    peer.hello(hello)
    const fresh = await peer.challenge()
    peer.prove(nonce, mac) // for a nonce that was not asked for
    t.equal(await peer.call('1', 'system.info', {}), 'NOT_WELCOME')
    peer.prove(fresh, mac) // for this one it is the wrong proof
    t.equal(await peer.refusal(), 'UNAUTHENTICATED')
  }
})

t.test('a proof without a challenge is none', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['admin'])
  const peer = await stage.connection(anna)
  for (const nonce of [Buffer.alloc(0), Buffer.alloc(32), randomBytes(32)]) {
    peer.prove(nonce, macOf(anna, stage.door.key, nonce, helloOf({ key: anna.publicKey })))
    t.equal(await peer.refusal(), 'NOT_WELCOME')
  }
})

t.test('what HELLO said cannot be changed after the proof', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['observer', 'operator', 'host'])
  const honest = helloOf({ key: anna.publicKey, role: 'observer', principal: 'anna' })
  for (const lie of [
    { role: 'operator' },
    { role: 'host' },
    { minor: 1 },
    { principal: '' },
  ] as const) {
    const peer = await stage.connection(anna)
    peer.hello({ ...honest, ...lie })
    const nonce = await peer.challenge()
    peer.prove(nonce, macOf(anna, stage.door.key, nonce, honest))
    t.equal(await peer.refusal(), 'UNAUTHENTICATED', JSON.stringify(lie))
  }
})

/** One of every kind that is no part of the handshake. */
const KINDS: readonly Head[] = [
  { kind: 'PING', id: 1 },
  { kind: 'ACCEPTED', id: 'x' },
  { kind: 'REPLY', id: 'x' },
  { kind: 'CANCEL', id: 'x' },
  { kind: 'ERROR', id: 'x' },
  { kind: 'APPEND', session: 'x', epoch: 1, sequence: 1, turn: 0, type: 1 },
  { kind: 'APPENDED', session: 'x', epoch: 1, sequence: 1 },
  { kind: 'CREDIT', bytes: 1_000_000 },
  { kind: 'CHUNK', session: 'x', sequence: 1, time: 1, turn: 0, type: 1 },
  { kind: 'HEAD', session: 'x', sequence: 1 },
  { kind: 'MOVED', ticket: 'x' },
  { kind: 'NEXT_KEY', key: 'x' },
  { kind: 'WELCOME' },
  { kind: 'CHALLENGE' },
]

t.test('nothing is believed before WELCOME, of whatever kind', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['admin'])
  const changing = requestOf('1', 'task.create', { title: 'too early' })
  const peer = await stage.connection(anna)
  for (const head of KINDS) {
    peer.say({ head })
    t.equal(await peer.refusal(), 'NOT_WELCOME', head.kind)
  }
  // In one bundle with the handshake, before and after HELLO, and while the proof is awaited.
  const hello = helloOf({ key: anna.publicKey })
  peer.say(changing, { head: { kind: 'HELLO' }, body: hello }, changing)
  const nonce = await peer.challenge()
  peer.say(changing)
  t.equal(await peer.refusal(), 'NOT_WELCOME')
  t.match(await stage.admin.call('task.list', {}), { total: 0 })
  peer.prove(nonce, macOf(anna, stage.door.key, nonce, hello))
  await peer.hearKind('WELCOME')
  t.match(await peer.call('2', 'task.create', { title: 'now' }), { title: 'now' })
})

t.test('GOODBYE ends its own connection, and what follows it is not heard', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.principal('anna', ['admin'])
  const peer = await stage.welcomed(anna)
  const other = await stage.welcomed(anna)
  const leave = { head: { kind: 'GOODBYE' } as const, body: { code: 'KEY_REVOKED', reason: '' } }
  peer.say(leave, requestOf('1', 'task.create', { title: 'after' }))
  t.match(await other.call('1', 'task.list', {}), { total: 0 })
})
