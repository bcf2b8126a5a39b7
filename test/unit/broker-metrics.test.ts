/** The figures of the broker's core: what is counted, and that names and labels are bounded. */
import t from 'tap'
import { Histogram } from '../../broker/core/histogram.ts'
import { exposition } from '../../broker/metrics/exposition.ts'
import type { View } from '../../broker/metrics/metric.ts'
import { NAMED } from '../../broker/metrics/stream-metrics.ts'
import { METRICS } from '../../broker/metrics/table.ts'
import { encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { CoreHarness } from '../support/core-harness.ts'
import { Client, demo, withSession } from '../support/core-peers.ts'
import { scrape } from '../support/exposition.ts'

const CREDIT = 4_000_000

async function scraped(harness: CoreHarness, connections: Partial<View['connections']> = {}) {
  const backlog = { messages: 3, bytes: 70, mostBytes: 50 }
  const { text } = await exposition({
    core: harness.core,
    hostCreditBytes: CREDIT,
    connections: { count: 2, greeting: 1, stuck: 1, backlog, ends: new Map(), ...connections },
    subscriptions: new Map([['redeemed', 3]]),
    keyAnswers: new Map([['later', 4]]),
  })
  return scrape(text)
}

t.test('every metric of the table is exposed, with its type and its help', async (t) => {
  const { harness } = withSession()
  const { types, help, values } = await scraped(harness, { ends: new Map([['OVERLOADED', 2]]) })
  for (const [name, metric] of Object.entries(METRICS)) {
    t.equal(types.get(name), metric.type, name)
    t.equal(help.get(name), metric.help, name)
    if (metric.type === 'counter') t.match(name, /_total$/)
    if (metric.type === 'histogram') t.match(name, /_(seconds|operations)$/)
  }
  t.equal(types.size, Object.keys(METRICS).length)
  t.equal(values.get('agentmq_connections_ended_total{how="OVERLOADED"}'), 2)
  t.equal(values.get('agentmq_outbox_bytes_max'), 50)
})

t.test('each answer is counted once, under its method and its code', async (t) => {
  const { harness, client, host, session } = withSession()
  client.call('session.get', { session })
  client.failure('session.get', { session: 'nope' })
  host.holds.add('agent.prompt')
  client.ask('session.prompt', { session, text: 'x' }, { remainingMs: 700, key: 'k' })
  client.ask('session.prompt', { session, text: 'x' }, { remainingMs: 9000, key: 'k' })
  harness.advance(1000)
  host.answer('agent.prompt')
  client.call('session.prompt', { session, text: 'x' }, { key: 'k' })
  new Client(harness, 'reader', ['observer']).failure('session.create', demo)
  const { values } = await scraped(harness)
  const calls = (method: string, code: string) =>
    values.get(`agentmq_calls_total{code="${code}",method="${method}"}`)
  t.equal(calls('session.get', 'OK'), 1)
  t.equal(calls('session.get', 'NO_SUCH_SESSION'), 1)
  t.equal(calls('session.prompt', 'DEADLINE_EXCEEDED'), 1)
  t.equal(calls('session.prompt', 'OK'), 2, 'one that waited, and a repeat')
  t.equal(calls('session.create', 'FORBIDDEN'), 1)
  const prompts = 'agentmq_call_duration_seconds_bucket{le="0.5",method="session.prompt"}'
  t.equal(values.get(prompts), 1, 'the repeat was answered at once')
  t.equal(values.get(prompts.replace('0.5', '1')), 3)
  t.equal(values.get(prompts.replace('0.5', '+Inf')), 3)
  t.equal(values.get('agentmq_call_duration_seconds_count{method="session.prompt"}'), 3)
})

t.test('names that peers invent make no new series', async (t) => {
  const { harness, client } = withSession()
  const rest = { target: '', remaining_ms: 0, key: '', trace: '' }
  for (let index = 0; index < 100; index += 1) {
    const id = `x${index}`
    client.send([{ kind: 'REQUEST', id, method: `evil.${index}"\n`, ...rest }, encode({})])
  }
  harness.core.tally.answered('session.get', 'A_CODE_OF_TOMORROW', 1)
  const { values } = await scraped(harness)
  const series = [...values.keys()].filter((key) => key.startsWith('agentmq_calls_total'))
  t.ok(series.length < 10, series.join(' '))
  t.equal(values.get('agentmq_calls_total{code="UNKNOWN_METHOD",method="unknown"}'), 100)
  t.equal(values.get('agentmq_calls_total{code="unknown",method="session.get"}'), 1)
})

t.test(
  'chunks are counted when taken, repeated and published; credit until it is back',
  async (t) => {
    const { harness, client, host, session } = withSession({ durability: 'manual' })
    const reader = client.ask('stream.open', { session })
    harness.core.tickets.redeem(client.resultOf('stream.open', reader).ticket)
    const before = (await scraped(harness)).values
    const bytes = encode({ content: 'hello' }).length
    const sequence = host.append(session, 'text', { content: 'hello' })
    host.append(session, 'text', { content: 'hello' }, { sequence })
    const during = (await scraped(harness)).values
    harness.settle()
    const after = (await scraped(harness)).values
    const change = (name: string, from = before, to = after) =>
      (to.get(`agentmq_${name}`) ?? 0) - (from.get(`agentmq_${name}`) ?? 0)
    t.equal(change('stream_chunks_taken_total'), 1)
    t.equal(change('stream_bytes_taken_total'), bytes)
    t.equal(change('stream_chunks_repeated_total'), 1)
    t.equal(change('stream_chunks_published_total', before, during), 0, 'not on disk yet')
    t.equal(change('stream_chunks_published_total'), 1)
    t.equal(change('stream_bytes_published_total'), bytes)
    const credit = 'agentmq_host_credit_bytes{host="h1"}'
    t.same(
      [before, during, after].map((values) => values.get(credit)),
      [CREDIT, CREDIT - bytes, CREDIT],
      'that of the repeated one is back at once',
    )
    host.append(session, 'text', { content: 'x' })
    host.leave()
    harness.settle()
    t.equal((await scraped(harness)).values.get(credit), undefined)
  },
)

t.test('commits are measured; those that failed are counted apart', async (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  const before = (await scraped(harness)).values
  for (let count = 0; count < 30; count += 1) host.append(session, 'text', { content: 'x' })
  harness.advance(200)
  harness.settle()
  harness.journal.isFull = true
  client.ask('session.prompt', { session, text: 'x' })
  harness.settle()
  const { values } = await scraped(harness)
  const grown = (name: string) => (values.get(name) ?? 0) - (before.get(name) ?? 0)
  t.equal(grown('agentmq_journal_commit_duration_seconds_count'), 2, 'the first, and what gathered')
  t.equal(grown('agentmq_journal_commit_operations_sum'), 30)
  t.equal(grown('agentmq_journal_commit_duration_seconds_bucket{le="0.1"}'), 1)
  t.equal(grown('agentmq_journal_failures_total'), 1)
})

t.test('readers are named up to a limit, the slowest first; those in time are not', async (t) => {
  const { harness, session, client } = withSession()
  for (let index = 0; index < NAMED + 10; index += 1) {
    new Client(harness).call('stream.open', { session, from: (index % 2) + 1 })
  }
  for (let index = 0; index < 2; index += 1) client.call('stream.open', { session })
  client.call('stream.open', { session, from: 3 })
  const { values } = await scraped(harness)
  const lags = [...values].filter(([key]) => key.startsWith('agentmq_reader_lag_chunks{'))
  t.equal(lags.length, NAMED)
  t.equal(lags[0]?.[1], 2)
  t.equal(values.get('agentmq_reader_lag_chunks_max'), 2)
  t.equal(values.get('agentmq_readers'), NAMED + 13)
})

t.test(
  'sessions and hosts are counted by status, also those of which there are none',
  async (t) => {
    const { harness, host, session } = withSession()
    host.exit(session, 1)
    const { values } = await scraped(harness)
    t.equal(values.get('agentmq_sessions{status="failed"}'), 1)
    t.equal(values.get('agentmq_sessions{status="idle"}'), 0)
    t.equal(values.get('agentmq_hosts{status="online"}'), 1)
    host.leave()
    t.equal((await scraped(harness)).values.get('agentmq_hosts{status="offline"}'), 1)
  },
)

t.test('tasks, keys and events are counted as they are on disk', async (t) => {
  const { harness, client } = withSession()
  const { task } = client.call('task.create', { title: 'four', status: 'done' })
  client.call('task.create', { title: 'fifth' })
  client.call('task.remove', { task })
  client.call('state.set', { key: 'key', value: 'abc' })
  harness.journal.isFull = true
  client.failure('state.set', { key: 'other', value: 1 })
  const { values } = await scraped(harness)
  t.equal(values.get('agentmq_tasks{status="todo"}'), 1)
  t.equal(values.get('agentmq_tasks{status="done"}'), 0)
  t.equal(values.get('agentmq_tasks_bytes'), 'fifth'.length + '{}'.length)
  t.equal(values.get('agentmq_state_keys'), 1)
  t.equal(values.get('agentmq_state_bytes'), 'key"abc"'.length)
  t.equal(values.get('agentmq_events'), harness.stored('@events').length)
})

t.test('figures that cannot be read are an error of the call, not of the broker', async (t) => {
  const { client } = withSession({
    metrics: () => Promise.reject(new ProtocolError('STORAGE_FAILED', { reason: 'x' })),
  })
  const id = client.ask('system.metrics', {})
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(client.errorOf(id).code, 'STORAGE_FAILED')
})

t.test('a histogram counts a value in its bucket and all above', (t) => {
  const histogram = new Histogram([1, 10])
  for (const value of [0, 1, 1.5, 10, 11]) histogram.observe(value)
  t.same(
    [...histogram.cumulative()],
    [
      [1, 2],
      [10, 4],
    ],
  )
  t.same([histogram.count, histogram.sum], [5, 23.5])
  t.end()
})
