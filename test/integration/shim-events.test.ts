import t, { type Test } from 'tap'
import { Cluster } from '../support/cluster.ts'
import { doorOf, get, WsReader } from '../support/shim-clients.ts'

interface Message {
  readonly type: string
  readonly payload: {
    readonly type?: string
    readonly subscription_id?: string
    readonly data?: { readonly agent_id: string; readonly event_type: string; readonly id: string }
  }
}

async function stage(t: Test) {
  const { cluster } = await Cluster.start(t)
  const shim = await cluster.shim({ args: ['--no-rep', '--no-metrics'] })
  const client = await cluster.connect()
  return { cluster, shim, client }
}

const SUBSCRIBE = '{"type":"Subscribe","payload":{"filter":null}}'

async function subscribed(t: Test, url: string): Promise<WsReader> {
  const ws = await WsReader.open(t, url)
  t.match(await ws.next<Message>(), { type: 'Ping' })
  ws.socket.send(SUBSCRIBE)
  t.match(await ws.next<Message>(), { type: 'SubscriptionConfirmed' })
  return ws
}

async function untilKind(ws: WsReader, kind: string): Promise<string[]> {
  const kinds: string[] = []
  for (;;) {
    const message = await ws.next<Message>()
    if (!message) throw new Error(`closed after ${kinds.join()}`)
    if (message.type !== 'Event') continue
    kinds.push(`${message.payload.data?.event_type}`)
    if (message.payload.data?.event_type === kind) return kinds
  }
}

t.test(
  'a client on the port of its own and one on that of HTTP see an agent live and die',
  async (t) => {
    const { cluster, shim, client } = await stage(t)
    const own = await subscribed(t, `${doorOf(shim, 'events')}/any/path`)
    const http = await subscribed(t, `${doorOf(shim, 'http').replace('http', 'ws')}/events`)
    const session = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
    await session.stop()
    const kinds = await untilKind(own, 'completed')
    t.ok(kinds.includes('spawned') && kinds.includes('started') && kinds.includes('status_changed'))
    t.same(await untilKind(http, 'completed'), kinds)
  },
)

t.test('a port of WebSocket says so to others', async (t) => {
  const { shim } = await stage(t)
  const response = await get(doorOf(shim, 'events').replace('ws', 'http'))
  t.equal(response.statusCode, 426)
  response.destroy()
})

t.test('a client that comes again after kill -9 of the shim hears what happens', async (t) => {
  const { cluster, shim, client } = await stage(t)
  const url = doorOf(shim, 'events')
  const ws = await subscribed(t, url)
  await cluster.signal(shim, 'SIGKILL')
  while ((await ws.next()) !== undefined);
  await cluster.shim({ args: ['--no-rep', '--no-metrics', '--ws-port', new URL(url).port] })
  const again = await subscribed(t, url)
  const session = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
  await session.kill()
  t.ok((await untilKind(again, 'killed')).includes('spawned'))
})

t.test('a client that never reads does not keep others waiting', async (t) => {
  const { cluster, shim, client } = await stage(t)
  const stalled = await subscribed(t, doorOf(shim, 'events'))
  stalled.socket.pause()
  const reader = await subscribed(t, doorOf(shim, 'events'))
  const session = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
  for (let n = 0; n < 50; n += 1) {
    await session.pause()
    await session.resume()
  }
  await session.stop()
  const kinds = await untilKind(reader, 'completed')
  t.equal(kinds.filter((kind) => kind === 'paused').length, 50)
})
