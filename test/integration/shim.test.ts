import t from 'tap'
import { Cluster } from '../support/cluster.ts'

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
