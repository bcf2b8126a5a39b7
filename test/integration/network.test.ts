/** A broker that listens to the network: CURVE, keys that knock, roles, revocation, a change of its key. */
import t, { type Test } from 'tap'
import { connect } from '../../clients/sdk/index.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { fingerprint } from '../../protocol/keys/key-pair.ts'
import { turn } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'
import { addedPeer, doorOf, LISTEN, remotePeer } from '../support/remote-peers.ts'

async function stage(t: Test) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker({ args: [...LISTEN] })
  const admin = await cluster.connect()
  return { cluster, broker, admin, door: doorOf(broker) }
}

async function failure(work: Promise<unknown>): Promise<ProtocolError | undefined> {
  return work.then(
    () => undefined,
    (thrown: unknown) => ProtocolError.from(thrown, 'client'),
  )
}

t.test(
  'a key that is not known knocks, is approved, and gets in without dialling anew',
  async (t) => {
    const { admin, door } = await stage(t)
    const peer = await remotePeer(t, door)
    const refused = await failure(peer.connect({ connectTimeoutMs: 2500 }))
    t.match(refused, { code: 'KEY_NOT_APPROVED', where: 'client' })
    const { pending } = await admin.call('key.pending', {})
    t.match(pending, [{ key: peer.publicKey, address: '127.0.0.1' }])
    t.equal(refused?.details['key'], pending[0]?.fingerprint, 'both sides show the same one')
    t.match(refused?.advice, `agentmq keys approve ${pending[0]?.fingerprint} --as`)
    const waiting = peer.connect({ connectTimeoutMs: 20_000 })
    const short = pending[0]?.fingerprint.slice(0, 5) ?? ''
    await admin.call('key.approve', { key: short, principal: 'anna', roles: ['operator'] })
    const client = await waiting
    t.match(client.welcome, { principal: 'anna', roles: ['operator'] })
    t.same((await admin.call('key.pending', {})).pending, [])
  },
)

t.test('a session is created, followed and read over the network', async (t) => {
  const { cluster, door } = await stage(t)
  await cluster.host()
  const peer = await addedPeer(t, { cluster, door }, 'anna', ['operator'])
  const client = await peer.connect()
  const session = await client.createSession({ backend: 'demo' })
  t.ok((await turn(session, 'hello')).some(({ type }) => type === 'text'))
  const { owner } = await client.call('session.get', { session: session.id })
  t.equal(owner, 'anna')
})

t.test('people get the highest of their roles, hosts what they ask for or nothing', async (t) => {
  const { cluster, door } = await stage(t)
  const peer = await addedPeer(t, { cluster, door }, 'olga', ['observer'])
  const client = await peer.connect()
  t.same(client.welcome.roles, ['observer'])
  const denied = await failure(client.createSession({ backend: 'demo' }))
  t.match(denied, { code: 'FORBIDDEN', executed: 'no' })
  t.match(await failure(peer.connect({ role: 'host' })), { code: 'FORBIDDEN' })
  t.match(await failure(peer.connect({ principal: 'local' })), { code: 'UNAUTHENTICATED' })
})

t.test('a revoked key ends its connection, its readers and its calls at once', async (t) => {
  const { cluster, admin, door } = await stage(t)
  await cluster.host()
  const anna = await addedPeer(t, { cluster, door }, 'anna', ['operator'])
  const olga = await addedPeer(t, { cluster, door }, 'olga', ['observer'])
  const [client, other] = [await anna.connect(), await olga.connect()]
  const session = await client.createSession({ backend: 'demo' })
  const reader = client.follow(session.id)
  await reader.next()
  const still = other.follow(session.id)
  await still.next()
  const result = await admin.call('key.revoke', { principal: 'anna' })
  t.match(result, { principal: 'anna', revoked: 1, connections: 1 })
  await client.closed
  t.match(await failure(drained(reader)), { code: 'KEY_REVOKED' })
  t.match(await failure(anna.connect()), { code: 'KEY_REVOKED' }, 'and it stays out')
  // Others are moved to another topic, and miss nothing.
  await admin.session(session.id).prompt('are you there')
  for await (const item of still) if (item.type === 'turn_complete') break
  t.pass('others go on')
})

async function drained(reader: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of reader);
}

t.test(
  'the broker changes its key while its peers stay, and they find it under the new one',
  async (t) => {
    const { cluster, broker, admin, door } = await stage(t)
    const peer = await addedPeer(t, { cluster, door }, 'anna', ['operator'])
    const late = await addedPeer(t, { cluster, door }, 'late', ['operator'])
    const client = await peer.connect()
    const begun = await admin.call('key.rotate', { step: 'begin' })
    t.not(begun.next_key, '')
    t.match(await failure(admin.call('key.rotate', { step: 'begin' })), { code: 'WRONG_STEP' })
    await client.call('system.info', {})
    const finished = await admin.call('key.rotate', { step: 'finish' })
    t.match(finished, { key: begun.next_key, next_key: '' })
    await client.call('system.info', {})
    const again = await peer.connect({ connectTimeoutMs: 15_000 })
    t.equal(again.welcome.principal, 'anna', 'it had been told, and remembers')
    const lost = await failure(late.connect({ connectTimeoutMs: 1500 }))
    t.match(lost, { code: 'WRONG_BROKER_KEY' }, 'one that was away needs the new key')
    await late.connect({ brokerKey: finished.key })
    await cluster.signal(broker, 'SIGKILL')
    const [port] = /\d+$/.exec(door.endpoint) ?? []
    await cluster.broker({
      args: ['--listen', `tcp://127.0.0.1:${port}`, '--listen-streams', 'tcp://127.0.0.1:*'],
    })
    await client.call('system.info', {}, { deadlineMs: 20_000 })
    t.pass('a client of before the change finds the next broker')
  },
)

t.test('the wrong key of the broker is told apart from a key that is not approved', async (t) => {
  const { door } = await stage(t)
  const [stranger, misled] = [await remotePeer(t, door), await remotePeer(t, door)]
  const unknown = failure(stranger.connect({ connectTimeoutMs: 7000 }))
  const wrong = await failure(
    misled.connect({ brokerKey: stranger.publicKey, connectTimeoutMs: 2500 }),
  )
  t.match(wrong, { code: 'WRONG_BROKER_KEY' })
  t.equal(wrong?.details['key'], fingerprint(stranger.publicKey), 'the one that was expected')
  t.match(await unknown, { code: 'KEY_NOT_APPROVED' }, 'also after it was held for a while')
})

t.test('a client without a key is told that it needs one', async (t) => {
  const { door } = await stage(t)
  const { endpoint } = door
  const refused = await failure(connect({ endpoint, dir: t.testdir(), connectTimeoutMs: 1000 }))
  t.match(refused, { code: 'CURVE_MISMATCH', message: /takes only those who have keys/ })
})

t.test('a peer without CURVE is refused by the transport', async (t) => {
  const { door } = await stage(t)
  const { Dealer } = await import('zeromq')
  for (const [name, options] of [
    ['NULL', {}],
    ['PLAIN', { plainUsername: 'local', plainPassword: 'local' }],
  ] as const) {
    const socket = new Dealer({ linger: 0, ...options })
    t.teardown(() => socket.close())
    const { events } = socket // before it dials, or what happens first is not told
    socket.connect(door.endpoint)
    for await (const { type } of events) {
      if (!type.startsWith('handshake')) continue
      // The one or the other, by who of both notices first.
      t.match(type, /^handshake:error:(protocol|other)$/, name)
      break
    }
  }
})
