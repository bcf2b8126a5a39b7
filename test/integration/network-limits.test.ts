/** Limits of principals on a real broker, as its settings say, and how the SDK and others keep to them. */
import t, { type Test } from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { KeyRing } from '../../protocol/keys/key-ring.ts'
import { readKeys } from '../../protocol/process/key-file.ts'
import { hello, RawPeer } from '../floods/raw-peer-socket.ts'
import { Cluster } from '../support/cluster.ts'
import { scrape } from '../support/exposition.ts'
import { addedPeer, doorOf, LISTEN } from '../support/remote-peers.ts'

async function stage(t: Test, ...args: readonly string[]) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker({ args: [...LISTEN, ...args] })
  const admin = await cluster.connect()
  const door = doorOf(broker)
  return { admin, door, peer: await addedPeer(t, { cluster, door }, 'anna', ['operator']) }
}

async function metric(client: Client, name: string): Promise<number> {
  const { text } = await client.call('system.metrics', {})
  return scrape(text).values.get(name) ?? 0
}

t.test('an SDK that is told to wait waits, and all of its calls succeed', async (t) => {
  const { admin, peer } = await stage(t, '--principal-calls-per-second', '50')
  const client = await peer.connect()
  const calls = 300
  await Promise.all(Array.from({ length: calls }, () => client.call('system.info', {})))
  const refused = await metric(admin, 'agentmq_calls_total{code="OVERLOADED",method="system.info"}')
  t.ok(refused >= 150, `${refused} were refused`)
  t.ok(refused <= calls, `each about once, in all ${refused}`)
  t.equal(
    await metric(admin, 'agentmq_limits_reached_total{limit="calls_rate"}'),
    refused,
    'and counted',
  )
})

t.test('a call that cannot be made in time fails at once, and says why', async (t) => {
  const { peer } = await stage(t, '--principal-calls-per-second', '1')
  const client = await peer.connect()
  const call = () => client.call('system.info', {}, { deadlineMs: 1500 })
  const all = await Promise.allSettled(Array.from({ length: 10 }, call))
  const reasons = all.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  t.ok(reasons.length >= 7)
  for (const reason of reasons) {
    t.match(ProtocolError.from(reason, 'client'), {
      code: 'OVERLOADED',
      executed: 'no',
      message: 'the allowance of calls of anna is full: 1 a second allowed',
    })
  }
})

t.test('a principal has as many connections as the setting says, and is told', async (t) => {
  const { peer } = await stage(t, '--principal-connections', '2')
  const first = await peer.connect()
  await peer.connect()
  const third = peer.connect({ connectTimeoutMs: 2000 })
  const refused = await third.then(
    () => undefined,
    (thrown: unknown) => ProtocolError.from(thrown, 'client'),
  )
  t.match(refused, {
    retryable: true,
    message: /the set of connections of anna is full: 2 allowed/,
  })
  const waiting = peer.connect({ connectTimeoutMs: 20_000 })
  await first.close()
  t.match((await waiting).welcome, { principal: 'anna' }, 'once there is room')
})

t.test('a connection that is challenged and says nothing is cut off', async (t) => {
  const { admin, door, peer } = await stage(t, '--handshake-ms', '1000')
  const own = readKeys(peer.keyFile)?.current
  if (!own) throw new Error('no key')
  const raw = new RawPeer({
    endpoint: door.endpoint,
    keys: { own, ring: new KeyRing([door.key]) },
  })
  t.teardown(() => raw.close())
  await raw.send(hello(own.publicKey))
  await raw.socket.receive() // CHALLENGE
  const [, bodies] = await raw.socket.receive()
  t.match(bodies?.toString('latin1'), 'DEADLINE_EXCEEDED')
  t.equal(await metric(admin, 'agentmq_limits_reached_total{limit="handshake_time"}'), 1)
  t.equal(await metric(admin, 'agentmq_connections_greeting'), 0)
})
