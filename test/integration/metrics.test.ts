/** The figures of a real broker, as `agentmq metrics` prints them, against what has really happened. */
import t from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import { until } from '../support/chunks.ts'
import { cliUser } from '../support/cli-user.ts'
import { scrape } from '../support/exposition.ts'

t.test('the figures are those of what was done', async (t) => {
  const { cluster, run } = await cliUser(t)
  const client = await cluster.connect()
  const session = await client.createSession({ backend: 'demo' })
  const reading = until(session.follow(), ({ type }) => type === 'turn_complete')
  await session.prompt('@@echo(hello)')
  const seen = await reading
  await t.rejects(client.call('session.get', { session: 'nope' }), { code: 'NO_SUCH_SESSION' })
  await client.call('stream.open', { session: session.id })
  const { exit, stdout } = await run(['metrics'])
  t.equal(exit, 0)
  const { values } = scrape(stdout)
  const value = (name: string) => values.get(`agentmq_${name}`)
  t.equal(value('calls_total{code="OK",method="session.create"}'), 1)
  t.equal(value('calls_total{code="NO_SUCH_SESSION",method="session.get"}'), 1)
  t.equal(value('call_duration_seconds_count{method="session.prompt"}'), 1)
  const fromHost = seen.filter(({ type }) => type !== 'prompt' && type !== 'status')
  t.equal(value('stream_chunks_taken_total'), fromHost.length)
  t.equal(value('sessions{status="idle"}'), 1)
  t.equal(value('hosts{status="online"}'), 1)
  t.equal(value('reader_lag_chunks_max'), seen.length, 'the ticket that nobody reads')
  t.equal(value(`host_credit_bytes{host="${(await hostOf(client)).host}"}`), 4_194_304)
  t.ok((value('journal_commit_duration_seconds_sum') ?? 0) > 0)
  t.ok((value('resident_memory_bytes') ?? 0) > 20_000_000)
  t.ok((value('start_time_seconds') ?? 0) <= Date.now() / 1000)
  t.equal(value('connections'), 3, 'the host, this client and the command')
  const json = await run(['metrics', '--json'])
  t.match(JSON.parse(json.stdout), { content_type: /^text\/plain; version=0\.0\.4/ })
})

async function hostOf(client: Client) {
  const { hosts } = await client.call('host.list', {})
  const [host] = hosts
  if (!host) throw new Error('there is no host')
  return host
}
