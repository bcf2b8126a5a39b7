/** The Prometheus door over a real broker, host and shim. */
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { Cluster } from '../support/cluster.ts'
import { RepClient } from '../support/rep-client.ts'

const LEGACY = [
  'agents_active gauge',
  'agents_killed_total counter',
  'agents_spawned_total counter',
  'connections_active gauge',
  'connections_total counter',
  'request_duration_seconds histogram',
  'request_errors_total counter',
  'requests_total counter',
]

interface Page {
  readonly status: number | undefined
  readonly type: string | undefined
  readonly text: string
}

function fetchPage(url: string, method = 'GET'): Promise<Page> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method }, (response) => {
      const { statusCode: status, headers } = response
      const page = (body: string) => resolve({ status, type: headers['content-type'], text: body })
      text(response).then(page, reject)
    })
    asked.on('error', reject).end()
  })
}

const figure = (page: Page, name: string): number =>
  Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page.text)?.[1])

t.test('the figures of the doors and of the broker', async (t) => {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  const commands = JSON.stringify({ cat: { command: 'cat', extra_args: true } })
  await cluster.host({ args: ['--root', cluster.workspace, '--stdio-commands', commands] })
  const shim = await cluster.shim()
  const doors = shim.ready['doors'] as { metrics: string[]; rep: string[] }
  const url = doors.metrics[0] ?? ''

  const first = await fetchPage(`${url}/any/path`)
  t.match(first, { status: 200, type: /^text\/plain$/ })
  const types = [...first.text.matchAll(/^# TYPE (\S+ \S+)$/gm)].map(([, type]) => type)
  t.same(types.slice(0, LEGACY.length), LEGACY)
  t.ok(types.includes('agentmq_sessions gauge'), 'the broker tells its own')
  t.equal(figure(first, 'requests_total'), 0)
  t.match(first.text, /^request_duration_seconds_bucket\{le="0\.005"\} 0$/m)

  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
    t.match(await fetchPage(url, method), { status: 200, type: 'text/plain' }, method)
  }

  const client = new RepClient(t, doors.rep[0] ?? '')
  const [one] = [await client.spawn('cat-cli'), await client.spawn('cat-cli')]
  await client.command(one, 'kill')
  await client.command(one, 'resume')
  const later = await fetchPage(url)
  const want = { agents_active: 1, agents_spawned_total: 2, agents_killed_total: 1 }
  const doorsWant = { requests_total: 4, request_errors_total: 1, connections_active: 1 }
  const all = { ...want, ...doorsWant, request_duration_seconds_count: 4, connections_total: 1 }
  for (const [name, value] of Object.entries(all)) t.equal(figure(later, name), value, name)

  t.test('without a broker the doors tell what they know', async (t) => {
    await cluster.signal(broker, 'SIGTERM')
    const page = await fetchPage(url)
    t.equal(page.status, 200)
    for (const [name, value] of Object.entries(all)) t.equal(figure(page, name), value, name)
    t.notMatch(page.text, /agentmq_sessions/)
  })
})
