import { join } from 'node:path'
import t from 'tap'
import { Cluster } from '../support/cluster.ts'
import { doorOf } from '../support/shim-clients.ts'

t.test('a shim opens its doors and ends when it is told to', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const shim = await cluster.shim()
  t.match(shim.ready, { doors: { http: [/^http:\/\/127\.0\.0\.1:\d+$/] }, closed: [] })
  t.equal(await cluster.signal(shim, 'SIGTERM'), 0)
})

t.test('a shim whose HTTP port is taken ends with 5', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const first = await cluster.shim()
  const { http } = first.ready['doors'] as { http: string[] }
  const port = new URL(http[0] ?? '').port
  await t.rejects(cluster.shim({ args: ['--http-port', port] }), {
    message: /ended with 5: .*127\.0\.0\.1:\d+ is in use/s,
  })
})

t.test('a second address that is taken closes no door', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const first = await cluster.shim()
  const { http, unix } = first.ready['doors'] as { http: string[]; unix: string[] }
  const shim = await cluster.shim({
    args: [
      '--http-alias-port',
      new URL(http[0] ?? '').port,
      '--unix-path',
      join(cluster.dir, 'other.sock'),
      '--unix-alias-path',
      (unix[0] ?? '').replace('unix:', ''),
    ],
  })
  t.match(shim.ready, { doors: { http: { length: 1 }, unix: { length: 1 } } })
  t.equal((await fetch(doorOf(shim, 'http'))).status, 200)
  const told = cluster.logOf('clients/shim').match(/second address not opened/g)
  t.equal(told?.length, 2)
})

t.test('a door with two ports is the same behind both', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const shim = await cluster.shim({ args: ['--ws-alias-port', '0', '--http-alias-port', '0'] })
  const { events, http } = shim.ready['doors'] as Record<string, readonly string[]>
  t.equal(new Set([...(events ?? []), ...(http ?? [])]).size, 4)
  for (const address of events ?? []) {
    const answer = await fetch(address.replace('ws:', 'http:'))
    t.same([answer.status, await answer.text()], [426, 'This port speaks WebSocket.\n'])
  }
  for (const address of http ?? []) t.equal((await fetch(`${address}/health`)).status, 200)
})
