import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Cluster } from '../support/cluster.ts'
import { ScriptedHost } from '../support/scripted-host.ts'
import {
  doorOf,
  get,
  type ServerSentEvent,
  serverSentEvents,
  WsReader,
} from '../support/shim-clients.ts'

async function stage(t: Test, args: readonly string[] = []) {
  const { cluster } = await Cluster.start(t)
  const shim = await cluster.shim({ args: ['--no-rep', '--no-metrics', ...args] })
  const client = await cluster.connect()
  const session = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
  const url = `${doorOf(shim, 'http')}/sessions/${session.id}/stream`
  return { cluster, shim, client, session, url }
}

/** Events up to the end of a turn. */
async function untilTurn(
  events: AsyncIterator<ServerSentEvent, undefined>,
  turn: number,
): Promise<ServerSentEvent[]> {
  const all: ServerSentEvent[] = []
  for (;;) {
    const { value } = await events.next()
    if (!value) return all
    all.push(value)
    if (
      value.event === 'turn_complete' &&
      'turn_number' in value.data &&
      value.data.turn_number === turn
    ) {
      return all
    }
  }
}

const count = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

t.test('a stream comes as server-sent events, from the beginning, then live', async (t) => {
  const { session, url } = await stage(t)
  await session.prompt('hello')
  const response = await get(url)
  t.equal(response.statusCode, 200)
  t.match(response.headers, { 'content-type': 'text/event-stream; charset=utf-8' })
  const events = serverSentEvents(response)
  const first = await untilTurn(events, 1)
  await session.prompt('again')
  const all = [...first, ...(await untilTurn(events, 2))]
  t.same(
    all.map(({ id }) => id),
    count(1, all.length),
  )
  t.ok(all.every(({ id, event, data }) => data.seq === id && data.type === event))
  response.destroy()
})

t.test('Last-Event-ID and ?from= say where it goes on', async (t) => {
  const { session, url } = await stage(t)
  await session.prompt('hello')
  const read = async (path: string, headers = {}) => {
    const response = await get(url + path, headers)
    const { value } = await serverSentEvents(response).next()
    response.destroy()
    return value?.id
  }
  t.equal(await read('', { 'last-event-id': '2' }), 3)
  t.equal(await read('?from=2'), 2)
  t.equal(await read('?from=1', { 'last-event-id': '3' }), 4, 'a browser repeats its URL')
})

t.test(
  'a stream until complete ends with the process, and then there is nothing more',
  async (t) => {
    const { session, url } = await stage(t)
    await session.prompt('hello')
    await session.stop()
    const events: ServerSentEvent[] = []
    for await (const event of serverSentEvents(await get(`${url}?until=complete`)))
      events.push(event)
    t.ok(events.some(({ event }) => event === 'complete'))
    const { head } = await session.refresh()
    const last = { 'last-event-id': String(head) }
    t.equal((await get(`${url}?until=complete`, last)).statusCode, 204)
  },
)

t.test('what cannot be streamed is refused with a status', async (t) => {
  const { url } = await stage(t, ['--sse-streams', '1'])
  const status = async (address: string) => {
    const response = await get(address)
    response.destroy()
    return response.statusCode
  }
  t.equal(await status(url.replace(/[0-9a-f-]{36}/, 'nobody')), 404)
  t.equal(await status(`${url}?from=x`), 400)
  t.equal(await status(`${url}?until=soon`), 400)
  const open = await get(url)
  t.equal(open.statusCode, 200)
  t.equal(await status(url), 429)
  await t.rejects(WsReader.open(t, url.replace('http', 'ws')), { message: /429/ })
  open.destroy()
})

t.test('the same over WebSocket', async (t) => {
  const { session, url } = await stage(t)
  await session.prompt('hello')
  const ws = await WsReader.open(t, `${url.replace('http', 'ws')}?from=2&until=complete`)
  await session.stop()
  const seqs: number[] = []
  const types: string[] = []
  for (let item = await ws.next<{ seq: number; type: string }>(); item; item = await ws.next()) {
    seqs.push(item.seq)
    types.push(item.type)
  }
  t.same(seqs, count(2, seqs.length + 1))
  t.ok(types.includes('text') && types.includes('complete'))
  const nobody = url.replace('http', 'ws').replace(/[0-9a-f-]{36}/, 'nobody')
  await t.rejects(WsReader.open(t, nobody), { message: /404/ })
})

t.test('after kill -9 of the shim a reader goes on without a hole or a repetition', async (t) => {
  const { cluster, shim, session, url } = await stage(t)
  const seen: number[] = []
  const events = serverSentEvents(await get(url))
  await session.prompt('hello')
  for (const { id } of await untilTurn(events, 1)) seen.push(id)
  await cluster.signal(shim, 'SIGKILL')
  while (!(await events.next()).done);
  await session.prompt('while it is away')
  const port = new URL(url).port
  await cluster.shim({ args: ['--no-rep', '--no-metrics', '--http-port', port] })
  const again = serverSentEvents(await get(url, { 'last-event-id': String(seen.at(-1)) }))
  const rest = await untilTurn(again, 2)
  t.equal(rest.at(-1)?.event, 'turn_complete')
  for (const { id } of rest) seen.push(id)
  t.same(seen, count(1, seen.length))
})

t.test('the shim ends although clients follow, and tells them', async (t) => {
  const { cluster, shim, url } = await stage(t)
  const events = serverSentEvents(await get(url))
  await events.next()
  const ws = await WsReader.open(t, url.replace('http', 'ws'))
  await ws.next()
  t.equal(await cluster.signal(shim, 'SIGTERM'), 0)
  while (!(await events.next()).done);
  while ((await ws.next()) !== undefined);
})

t.test('readers that never read cost the others nothing', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const host = await ScriptedHost.start({
    endpoint: `ipc://${join(cluster.dir, 'run', 'broker.sock')}`,
    onPrompt: (host, { session, turn }) => {
      for (let n = 0; n < 2000; n += 1) {
        host.append(session, turn, 'text', { content: 'x'.repeat(4000) })
      }
      host.endTurn(session, turn)
    },
  })
  t.teardown(() => host.close())
  const shim = await cluster.shim({ args: ['--no-rep', '--no-metrics'] })
  const client = await cluster.connect()
  const session = await client.createSession({ backend: 'script' })
  const url = `${doorOf(shim, 'http')}/sessions/${session.id}/stream`
  const stalled = await get(url) // nobody reads its body
  t.teardown(() => stalled.destroy())
  const ws = await WsReader.open(t, url.replace('http', 'ws'))
  ws.socket.pause()
  const events = serverSentEvents(await get(url))
  await session.prompt('flood')
  const all = await untilTurn(events, 1)
  t.equal(all.at(-1)?.event, 'turn_complete')
  t.same(
    all.map(({ id }) => id),
    count(1, all.length),
  )
  // Whoever reads again has missed nothing.
  const late = await untilTurn(serverSentEvents(stalled), 1)
  t.equal(late.length, all.length)
})

t.test('authentication of the HTTP door holds for streams, too', async (t) => {
  const { session, url } = await stage(t, ['--enable-auth', '--api-key', 'sesame'])
  const closed = await get(url)
  t.equal(closed.statusCode, 401)
  closed.destroy()
  const open = await get(url, { authorization: 'Bearer sesame' })
  t.equal(open.statusCode, 200)
  open.destroy()
  const ws = url.replace('http', 'ws')
  await t.rejects(WsReader.open(t, ws), { message: /401/ })
  await t.rejects(WsReader.open(t, new URL('/events', ws).href), { message: /401/ })
  const reader = await WsReader.open(t, `${ws}?auth_token=sesame&from=1`)
  t.match(await reader.next(), { seq: 1 })
  t.ok(session)
})
