/**
 * A principal of another machine floods the broker in every way it can. Meanwhile all calls of a user of this
 * machine and of another principal are answered, nothing of a stream is missed, the memory stays bounded, and
 * the limit that holds the flood is counted.
 */
import t, { type Test } from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import type { FloodKind } from '../floods/kinds.ts'
import { Cluster, type Part, type PartOptions } from '../support/cluster.ts'
import { scrape } from '../support/exposition.ts'
import { Flooding, residentMb } from '../support/flooding.ts'
import { addedPeer, doorOf, LISTEN } from '../support/remote-peers.ts'

/** Calls that each of the others makes, one after the other. */
const CALLS = 150
const DEADLINE_MS = 60_000
/** Time for what shows that the flood was there, ms: on a busy machine it takes a while to begin. */
const LOOK_MS = 30_000
/** More than any of the floods takes, and less than they took before there were limits. */
const MAX_GROWTH_MB = 900

interface Flood {
  readonly kind: FloodKind
  /** What shows that the flood was there: a sample of the metrics, and how much of it there is at least. */
  readonly counted: string
  readonly atLeast: number
  readonly broker?: PartOptions
  /** Others of the network are kept out by it as well, as it is documented. */
  readonly shutsTheDoor?: true
}

const limit = (name: string) => `agentmq_limits_reached_total{limit="${name}"}`

const FLOODS: readonly Flood[] = [
  { kind: 'calls', counted: limit('abuse'), atLeast: 1 },
  { kind: 'writes', counted: limit('writes_rate'), atLeast: 100 },
  { kind: 'tickets', counted: limit('calls_rate'), atLeast: 1000 },
  { kind: 'pages', counted: limit('principal_outbox'), atLeast: 0 },
  { kind: 'malformed', counted: limit('strikes'), atLeast: 5 },
  { kind: 'hellos', counted: limit('strikes'), atLeast: 1 },
  { kind: 'proofs', counted: limit('greetings'), atLeast: 1 },
  {
    kind: 'subscriptions',
    counted: 'agentmq_subscriptions_total{outcome="unknown"}',
    atLeast: 10_000,
  },
  { kind: 'keys', counted: 'agentmq_keys_answered_total{answer="later"}', atLeast: 100 },
  { kind: 'connections', counted: 'agentmq_keys_answered_total{answer="busy"}', atLeast: 1 },
  { kind: 'parts', counted: limit('frames'), atLeast: 1 },
  { kind: 'silence', counted: limit('open_files'), atLeast: 0 },
  {
    kind: 'silence',
    counted: limit('open_files'),
    atLeast: 1,
    shutsTheDoor: true,
    broker: { within: ['sh', '-c', 'ulimit -n 1000; exec "$@"', 'sh'] },
  },
]

async function stage(t: Test, options: PartOptions = {}) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker({ ...options, args: [...LISTEN] })
  await cluster.host()
  const admin = await cluster.connect()
  const peer = await addedPeer(t, { cluster, door: doorOf(broker) }, 'good', ['operator'])
  const connect = () => cluster.connect({ connectTimeoutMs: DEADLINE_MS })
  return { broker, admin, peer: await peer.connect(), connect }
}

async function metric(admin: Client, name: string): Promise<number> {
  const { text } = await admin.call('system.metrics', {}, { deadlineMs: DEADLINE_MS })
  return scrape(text).values.get(name) ?? 0
}

/** Every call has to succeed. Returns the most memory that the broker was seen with, MB. */
async function callAgainAndAgain(client: Client, name: string, broker: Part): Promise<number> {
  let most = 0
  for (let count = 0; count < CALLS; count += 1) {
    const options = { deadlineMs: DEADLINE_MS }
    await client.call('session.list', {}, options)
    if (count % 10 === 0) await client.call('state.set', { key: name, value: count }, options)
    most = Math.max(most, residentMb(broker.pid))
  }
  return most
}

/** The prompt and all of its answer, over the live stream or the journal. */
async function converse(client: Client): Promise<void> {
  const session = await client.createSession({ backend: 'demo' }, { deadlineMs: DEADLINE_MS })
  for (let turn = 1; turn <= 3; turn += 1) {
    const reader = client.follow(session.id)
    await session.prompt('hello', { deadlineMs: DEADLINE_MS })
    let last = 0
    for await (const item of reader) {
      if (item.type === 'gap') throw new Error(`a gap at ${item.from}`)
      if (item.seq !== last + 1) throw new Error(`${item.seq} after ${last}`)
      last = item.seq
      if (item.type === 'turn_complete' && item.turn === turn) break
    }
  }
}

for (const { kind, counted, atLeast, broker: options, shutsTheDoor } of FLOODS) {
  const whom = shutsTheDoor ? 'users of this machine' : 'others'
  t.test(`${whom} do not notice much of a flood: ${kind}`, async (t) => {
    const { broker, admin, peer, connect } = await stage(t, options)
    const good = shutsTheDoor ? admin : peer
    await metric(admin, counted) // so that nothing is to be loaded any more
    const before = residentMb(broker.pid)
    const flooding = await Flooding.start(t, { admin, kind })
    const [ofLocal, ofRemote] = await Promise.all([
      callAgainAndAgain(admin, 'local', broker),
      callAgainAndAgain(good, 'good', broker),
      converse(admin),
      converse(good),
    ])
    const isSeen = async () => flooding.sent > 0 && (await metric(admin, counted)) >= atLeast
    const until = performance.now() + LOOK_MS
    while (performance.now() < until && !(await isSeen())) {
      await good.call('system.info', {}, { deadlineMs: DEADLINE_MS })
    }
    t.ok(await isSeen(), `${counted} is at least ${atLeast}`)
    t.ok(await connect(), 'a further user of this machine gets in')
    flooding.stop()
    const most = Math.max(ofLocal, ofRemote, residentMb(broker.pid))
    t.comment(`${kind}: ${before} MB before, ${most} MB at most, it sent ${flooding.sent}`)
    t.ok(most - before < MAX_GROWTH_MB, `${most - before} MB more`)
    t.equal(broker.process.exitCode, null)
  })
}
