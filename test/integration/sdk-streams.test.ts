import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Client, type SessionHandle, type StreamItem } from '../../clients/sdk/index.ts'
import { zeromqTransport } from '../../clients/sdk/sockets.ts'
import type { Transport } from '../../clients/sdk/transport.ts'
import { FaultyProxy } from '../chaos/proxy.ts'
import { LiveBroker } from '../support/live-broker.ts'
import { type OnPrompt, ScriptedHost } from '../support/scripted-host.ts'

/** A broker, a host whose agents do as told, a client and a session. */
async function stage(t: Test, onPrompt?: OnPrompt) {
  const broker = await LiveBroker.start(t)
  const { endpoint } = broker
  const host = await ScriptedHost.start({ endpoint, ...(onPrompt && { onPrompt }) })
  t.teardown(() => host.close())
  const client = await broker.connect(t)
  const session = await client.createSession({ backend: 'script' })
  return { broker, host, client, session }
}

async function collect(
  items: AsyncIterable<StreamItem>,
  isLast: (item: StreamItem) => boolean = () => false,
): Promise<StreamItem[]> {
  const all: StreamItem[] = []
  for await (const item of items) {
    all.push(item)
    if (isLast(item)) break
  }
  return all
}

const sequences = (items: readonly StreamItem[]) =>
  items.map((item) => (item.type === 'gap' ? `gap ${item.from}-${item.to}` : item.seq))
const count = (to: number, from = 1) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)
const texts = (items: readonly StreamItem[]) =>
  items.flatMap((item) => (item.type === 'text' ? [item.content] : []))

const isIdle = (item: StreamItem | undefined) => item?.type === 'status' && item.status === 'idle'

const noop = () => undefined

const endOf =
  (turn: number) =>
  (item: StreamItem): boolean =>
    item.type === 'turn_complete' && item.turn_number === turn

async function promptAndRead(client: Client, session: SessionHandle, text: string) {
  const { turn } = await session.prompt(text)
  return collect(client.follow(session.id), endOf(turn))
}

t.test('run yields the turn of its prompt and ends with it', async (t) => {
  const { session } = await stage(t)
  const items = await collect(session.run('hello'))
  t.same(
    items.map(({ type }) => type),
    ['prompt', 'text', 'turn_complete'],
  )
  t.same(texts(items), ['hello'])
  t.same(texts(await collect(session.run('again'))), ['again'])
})

t.test('a follower sees every sequence once, in order, from where it asked', async (t) => {
  const { client, session } = await stage(t)
  const items = await promptAndRead(client, session, 'one')
  t.same(sequences(items), count(items.length))
  const from = await collect(client.follow(session.id, { from: 3 }), endOf(1))
  t.same(sequences(from), count(items.length, 3))
})

t.test('several followers of one session share a feed and see the same', async (t) => {
  const { client, session } = await stage(t)
  const readers = [1, 1, 2, 4].map((from) => collect(session.follow({ from }), endOf(2)))
  await session.prompt('one')
  await session.prompt('two')
  const [first, second, third, fourth] = await Promise.all(readers)
  t.same(first, second)
  t.same(first?.slice(1), third)
  t.same(first?.slice(3), fourth)
  t.same(sequences(first ?? []), count(first?.length ?? 0))
  t.same(texts(await collect(client.follow(session.id), endOf(2))), ['one', 'two'])
})

t.test('a name is followed like the id that it stands for', async (t) => {
  const { client } = await stage(t)
  const session = await client.createSession({ backend: 'script', name: 'anna' })
  await session.prompt('hi')
  t.same(texts(await collect(client.follow('anna'), endOf(1))), ['hi'])
  t.equal(client.session('anna').id, 'anna')
  t.equal((await client.session('anna').refresh()).session, session.id)
})

t.test('following a session that does not exist says so', async (t) => {
  const { client } = await stage(t)
  const unknown = '00000000-0000-4000-8000-000000000000'
  await t.rejects(collect(client.follow(unknown)), { code: 'NO_SUCH_SESSION' })
  await t.rejects(collect(client.follow('nobody')), { code: 'NO_SUCH_SESSION' })
})

t.test('a follower goes on through a restart of the broker', async (t) => {
  const { broker, host, client, session } = await stage(t)
  const statuses: string[] = []
  client.onStatus(({ type }) => statuses.push(type))
  const reader = collect(session.follow(), endOf(2))
  await session.prompt('before')
  const registered = host.registered()
  await broker.restart()
  await registered
  await session.prompt('after')
  const items = await reader
  t.same(texts(items), ['before', 'after'])
  t.same(sequences(items), count(items.length))
  t.same(statuses, ['lost', 'connected'])
})

t.test('a call that the broker never saw is made after its restart', async (t) => {
  const { broker, client } = await stage(t)
  await broker.stop()
  const list = client.call('session.list', {})
  await broker.start()
  t.equal((await list).total, 1)
})

t.test('a flood reaches a reader that is slow, whole and in order', async (t) => {
  const chunks = 20_000
  const { client, session } = await stage(t, (host, { session, turn }) => {
    for (let n = 0; n < chunks; n += 1) host.append(session, turn, 'text', { content: `${n}` })
    host.endTurn(session, turn)
  })
  const iterator = client.follow(session.id)
  await iterator.next() // it is live from here on
  const { sequence } = await session.prompt('flood')
  const items: StreamItem[] = []
  for await (const item of iterator) {
    items.push(item)
    if (items.length % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
    if (endOf(1)(item)) break
  }
  t.same(sequences(items), count(sequence + chunks + 1, 2))
  t.same(
    texts(items),
    Array.from({ length: chunks }, (_, n) => `${n}`),
  )
})

t.test('aborting run interrupts the turn, whose end still comes', async (t) => {
  const { host, session } = await stage(t, (host, { session, turn }) => {
    host.append(session, turn, 'text', { content: 'working' })
  })
  const abort = new AbortController()
  const items = await collect(session.run('work', { signal: abort.signal }), (item) => {
    if (item.type === 'text') abort.abort()
    return false
  })
  t.match(items.at(-1), { type: 'turn_complete', reason: 'interrupted' })
  t.same(host.interrupted, [session.id])
})

t.test('aborting a follower ends it, and leaving it leaves the others', async (t) => {
  const { session } = await stage(t)
  const abort = new AbortController()
  const aborted = collect(session.follow({ signal: abort.signal }))
  const left = session.follow()
  const other = collect(session.follow(), endOf(1))
  while (!isIdle((await left.next()).value));
  const waiting = left.next() // nothing more comes
  await left.return()
  t.equal((await waiting).done, true)
  abort.abort(new Error('enough'))
  await t.rejects(aborted, { code: 'CANCELLED', cause: { message: 'enough' } })
  await session.prompt('still here')
  t.same(texts(await other), ['still here'])
})

t.test('a follower until complete ends with the process', async (t) => {
  const { session } = await stage(t)
  const reader = collect(session.follow({ until: 'complete' }))
  await session.prompt('hi')
  await session.stop()
  const items = await reader
  t.ok(items.some(({ type }) => type === 'complete'))
  const again = await collect(session.follow({ until: 'complete' }))
  t.same(again.slice(0, items.length), items)
})

t.test('closing the client ends its followers and calls with CONNECTION_CLOSED', async (t) => {
  const { client, session } = await stage(t)
  const reader = collect(session.follow())
  const statuses: string[] = []
  const watcher = (async () => {
    for await (const { type } of client.status()) statuses.push(type)
  })()
  await session.refresh()
  const call = client.call('session.list', {})
  const outcomes = [t.rejects(reader, { code: 'CONNECTION_CLOSED' })]
  outcomes.push(t.rejects(call, { code: 'CONNECTION_CLOSED', executed: 'unknown' }))
  await client.close()
  await Promise.all([...outcomes, watcher, client.closed])
  t.same(statuses, ['connected', 'closed'])
  await t.rejects(client.call('session.list', {}), { code: 'CONNECTION_CLOSED', executed: 'no' })
  await t.rejects(collect(client.follow(session.id)), { code: 'CONNECTION_CLOSED' })
})

/** A client with a clock and sockets of the test. */
function clientWith({ endpoint }: LiveBroker, now: () => number, transport: Transport): Client {
  return new Client({
    endpoint,
    role: 'admin',
    principal: 'local',
    software: 'test',
    deadlineMs: 5000,
    transport,
    now,
    random: Math.random,
    randomBytes,
    pause: () => Promise.resolve(),
    every: (ms, run) => {
      const timer = setInterval(run, ms)
      return () => clearInterval(timer)
    },
  })
}

t.test('a reader gets everything though its subscription never works', async (t) => {
  const { broker, session } = await stage(t)
  const deaf = clientWith(broker, () => performance.now(), {
    dealer: zeromqTransport.dealer,
    subscriber: () => ({ subscribe: noop, unsubscribe: noop, close: noop }),
  })
  t.teardown(() => deaf.close())
  const reader = deaf.follow(session.id)
  await reader.next()
  await session.prompt('can you hear me')
  const items = await collect(reader, endOf(1))
  t.same(texts(items), ['can you hear me'])
  t.same(sequences(items), count(items.length + 1, 2))
})

t.test(
  'a reader whose stream connection is cut subscribes anew, without waiting for silence',
  async (t) => {
    const { broker, session } = await stage(t)
    const listen = join(broker.dir, 'proxy.sock')
    const proxy = await FaultyProxy.start({
      listen,
      target: join(broker.dir, 'run', 'streams.sock'),
    })
    t.teardown(() => proxy.close())
    let isHeard: () => void = noop
    const heard = new Promise<void>((resolve) => {
      isHeard = resolve
    })
    // By a clock that stands still it is never silent for long.
    const client = clientWith(broker, () => 0, {
      dealer: zeromqTransport.dealer,
      subscriber: (_, receive, broken) => {
        const tell: typeof receive = (topic, frames) => {
          receive(topic, frames)
          isHeard()
        }
        return zeromqTransport.subscriber(`ipc://${listen}`, tell, broken)
      },
    })
    t.teardown(() => client.close())
    const reader = client.follow(session.id)
    await reader.next()
    await heard
    proxy.cut()
    await session.prompt('are you back')
    t.same(texts(await collect(reader, endOf(1))), ['are you back'])
  },
)
