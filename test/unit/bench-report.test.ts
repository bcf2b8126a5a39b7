/** How the benchmarks tell what they have measured. */
import t from 'tap'
import type { Contestant, Measure } from '../bench/measures/measure.ts'
import { onTransport } from '../bench/measures/on-transport.ts'
import { clientCache, findServer, missingPeer } from '../bench/peers.ts'
import { compare, comparisonText, isWorse } from '../bench/report/compare.ts'
import { BEGIN, END, replaceResults, resultsMarkdown } from '../bench/report/markdown.ts'
import { figure } from '../bench/report/numbers.ts'
import { measureResult, type Results } from '../bench/report/result.ts'
import { measureText } from '../bench/report/text-table.ts'
import { CURVE, IPC } from '../bench/transports.ts'

const measure: Measure = {
  name: 'replay/ipc',
  title: 'replay of chunks',
  unit: 'chunks/s',
  better: 'more',
  floor: 'raw',
  about: 'What it does.',
  goals: [{ peer: 'jetstream', atLeast: 4 }],
  contestants: [],
}
const outcome = (value: number) => ({ value, min: value - 1, max: value + 1, repeats: 5 })
const outcomes = { agentmq: outcome(80_000), jetstream: outcome(10_000), raw: outcome(160_000) }
const result = measureResult(measure, outcomes, { redis: 'it is not installed' })

const results = (...measures: Results['measures']): Results => {
  return { machine: { cores: 2 }, versions: { node: 'v20' }, settings: { quick: true }, measures }
}

t.test('a result has ours, the peers, their ratios and whether the goal is met', async (t) => {
  t.match(result, {
    ...{ name: 'replay/ipc', unit: 'chunks/s', ours: 80_000 },
    peers: { jetstream: 10_000, raw: 160_000 },
    ratios: { jetstream: 8, raw: 0.5 },
    ...{ goal: 'at least 4 x jetstream', met: true },
    notRun: { redis: 'it is not installed' },
  })
  t.notOk('agentmq' in result.peers)
})

t.test('without ours there is no ratio and no verdict, and nothing is guessed', async (t) => {
  const missing = measureResult(measure, {}, { agentmq: 'failed: no host' })
  t.match(missing, { ours: null, peers: {}, ratios: {}, met: null })
  t.match(measureText(missing), /agentmq: not run, failed: no host/)
  t.match(resultsMarkdown(results(missing)), /\| at least 4 x jetstream \| {2}\| not judged \|/)
})

t.test(
  'with security ours is held against itself without, and against those it is judged by',
  async (t) => {
    const { contestants: _, ...rest } = { ...measure, name: 'replay' }
    const named = (name: string): Contestant => ({ name, run: async () => ({ value: 1 }) })
    const peers = () => ['jetstream', 'redis', 'raw'].map(named)
    const on = (transport: typeof IPC) => {
      const { name, title, contestants } = onTransport(transport, {
        ...rest,
        ours: () => named('agentmq'),
        peers,
      })
      return { name, title, contestants: contestants.map((one) => one.name) }
    }
    t.same(on(IPC), {
      name: 'replay/ipc',
      title: 'replay of chunks, ipc, no encryption',
      contestants: ['agentmq', 'jetstream', 'redis', 'raw'],
    })
    t.same(on(CURVE), {
      name: 'replay/curve',
      title: 'replay of chunks, tcp loopback with CURVE',
      contestants: ['agentmq', 'agentmq-ipc', 'jetstream', 'raw'],
    })
  },
)

t.test('the terminal shows columns, ratios, what was not run and the goal', async (t) => {
  const lines = measureText(result).split('\n')
  t.equal(lines[0], 'replay/ipc: replay of chunks [chunks/s]')
  t.match(lines[2], /^ {2}agentmq +80,000 +80,000 +80,000$/)
  t.match(lines[3], /^ {2}jetstream +10,000 +10,000 +10,000 +8 x$/)
  t.match(lines.at(-2), 'redis: not run, it is not installed')
  t.match(lines.at(-1), 'goal at least 4 x jetstream: met (8 x)')
})

t.test('figures have three digits that mean something', async (t) => {
  t.equal(figure(85_349), '85,300')
  t.equal(figure(0.412_345), '0.412')
  t.equal(figure(12.345), '12.3')
  t.equal(figure(0), '0')
  t.equal(figure(Number.NaN), 'n/a')
})

t.test('the page keeps its prose, and its results are replaced', async (t) => {
  const page = `# Prose\n\n${BEGIN}\nold\n${END}\nafter\n`
  const written = replaceResults(page, results(result))
  t.match(written, /^# Prose\n\n/)
  t.match(written, /after\n$/)
  t.notMatch(written, /old/)
  t.match(written, '| jetstream | 10,000 (10,000 – 10,000) | 8 x |')
  t.match(written, 'Not run: redis, it is not installed.')
  t.match(written, '| [replay/ipc](#replayipc) | at least 4 x jetstream | 8 x | met |')
  t.equal(replaceResults(written, results(result)), written)
  t.throws(() => replaceResults('# Prose', results()), /no place for results/)
})

t.test('the page says when its results are worth less than others', async (t) => {
  const plain = results(result)
  t.match(resultsMarkdown(plain), 'From a quick run')
  t.notMatch(resultsMarkdown({ ...plain, settings: { quick: false } }), 'quick run')
  const busy = { ...plain, machine: { 'load before': '3.1 2.0 1.0' } }
  t.match(resultsMarkdown(busy), 'busy with other work** (load 3.1)')
  t.notMatch(resultsMarkdown({ ...plain, machine: { 'load before': '0.2 3.0 3.0' } }), 'busy')
})

t.test('a check compares ratios to the floor, not values', async (t) => {
  const now = (ours: number, raw: number) =>
    measureResult(measure, { agentmq: outcome(ours), raw: outcome(raw) }, {})
  const worse = (ours: number, raw: number) =>
    compare(results(result), results(now(ours, raw))).map(({ worse }) => worse)
  t.same(worse(8000, 16_000), [1], 'a machine that is ten times slower')
  t.same(worse(40_000, 160_000), [2])
  t.same(compare(results(), results(result)), [], 'a measure that is new')
  const [bad] = compare(results(result), results(now(40_000, 160_000)))
  t.ok(bad && isWorse(bad))
  t.match(bad && comparisonText(bad), 'WORSE replay/ipc: 0.25 x the floor, was 0.5 x')
})

t.test('of latencies a larger ratio is worse', async (t) => {
  const latency = { ...measure, better: 'less' } as const
  const of = (ours: number) =>
    measureResult(latency, { agentmq: outcome(ours), raw: outcome(10) }, {})
  const [slower] = compare(results(of(20)), results(of(40)))
  t.equal(slower?.worse, 2)
})

t.test('a server that does not run and clients that are not there are named', async (t) => {
  const nats = findServer('nats', { AGENTMQ_BENCH_NATS_SERVER: '/nowhere/nats-server' })
  t.same(nats, { command: '/nowhere/nats-server', version: undefined })
  const redis = { command: 'redis-server', version: '7.0.15' }
  const peers = { cache: '', servers: { nats, redis }, clientsMissing: 'no clients' }
  t.equal(missingPeer(peers, 'nats'), '/nowhere/nats-server does not run here')
  t.equal(missingPeer(peers, 'redis'), 'no clients')
  t.equal(missingPeer({ ...peers, clientsMissing: undefined }, 'redis'), undefined)
})

t.test('the cache is where the environment says, else where caches are', async (t) => {
  t.equal(clientCache({ AGENTMQ_BENCH_CACHE: '/a', XDG_CACHE_HOME: '/b' }), '/a')
  t.equal(clientCache({ AGENTMQ_BENCH_CACHE: '', XDG_CACHE_HOME: '/b' }), '/b/agentmq/bench')
  t.match(clientCache({}), /\.cache\/agentmq\/bench$/)
})
