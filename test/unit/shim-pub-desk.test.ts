import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ProtocolError, type StreamItem } from '../../clients/sdk/index.ts'
import { Desk } from '../../clients/shim/pub/desk.ts'
import { Subscriptions } from '../../clients/shim/pub/subscriptions.ts'

const A = 'aaaaaaaa-0000-4000-8000-000000000001'
const B = 'bbbbbbbb-0000-4000-8000-000000000002'
const frame = (verb: 0 | 1, prefix: string) => Buffer.concat([Buffer.of(verb), Buffer.from(prefix)])
const text = (seq: number, content: string): StreamItem => ({
  type: 'text',
  content,
  seq,
  time: 0,
  turn: 1,
})
const complete = (seq: number): StreamItem => ({
  type: 'complete',
  exit_code: 0,
  session_id: A,
  seq,
  time: 0,
  turn: 0,
})

/** Sessions whose streams the test writes, and what is sent of them. */
function stage(t: Test, options: { maxFollowed?: number; holdMs?: number } = {}) {
  const streams = new Map<string, StreamItem[]>()
  const over = new Set<string>()
  const positions = new Map<string, number>()
  const sent: string[] = []
  const gone: string[] = []
  const subscriptions = new Subscriptions()
  const world = { now: 0, isFull: false, dropped: 0 }
  async function* follow(session: string, from: number, signal: AbortSignal) {
    for (let next = from; ; ) {
      const item = streams.get(session)?.find((one) => 'seq' in one && one.seq === next)
      if (item) {
        next += 1
        yield item
      } else await turn(undefined, { signal })
    }
  }
  const desk = new Desk({
    maxFollowed: options.maxFollowed ?? 10,
    holdMs: options.holdMs ?? 0,
    subscriptions,
    gone: (session) => gone.push(session),
    ports: {
      look: async (session) => {
        const stream = streams.get(session)
        if (!stream) throw new ProtocolError('NO_SUCH_SESSION', { session })
        return { status: over.has(session) ? 'ended' : 'running', head: stream.length }
      },
      follow,
      position: (session) => positions.get(session) ?? 0,
      published: (session, seq) => positions.set(session, seq),
      isHeard: (session) => subscriptions.isHeard(session),
      trySend: async (one) => {
        if (!world.isFull) sent.push(one.slice(one.indexOf(' ') + 1))
        return !world.isFull
      },
      sendToSome: async () => undefined,
      dropped: () => {
        world.dropped += 1
      },
      trouble: (_, error) => t.fail(error.message),
      now: () => world.now,
      pause: async (ms, signal) => {
        signal.throwIfAborted()
        world.now += ms
        await turn()
      },
    },
  })
  t.teardown(() => desk.close())
  const subscribe = (verb: 0 | 1, prefix: string) => {
    const change = subscriptions.take(frame(verb, prefix))
    if (change) desk.subscriptionChanged(change)
  }
  const texts = () => sent.map((one) => JSON.parse(one).content ?? JSON.parse(one).type)
  return { desk, streams, over, positions, sent, gone, subscribe, world, texts }
}

/** Lets everything happen that can. */
async function settle(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await turn()
}

t.test('nothing is published to nobody, and it is there for who comes', async (t) => {
  const { desk, streams, subscribe, texts, positions } = stage(t)
  streams.set(A, [text(1, 'one'), text(2, 'two')])
  desk.add(A)
  await settle()
  t.same(texts(), [])
  t.equal(desk.followed, 0)
  subscribe(1, `chat/${A}`)
  await settle()
  t.same(texts(), ['one', 'two'])
  t.equal(positions.get(A), 2)
})

t.test('who leaves ends it, and who comes next goes on from there', async (t) => {
  const { desk, streams, subscribe, texts } = stage(t)
  streams.set(A, [text(1, 'one')])
  desk.add(A)
  subscribe(1, `chat/${A}`)
  await settle()
  subscribe(0, `chat/${A}`)
  streams.get(A)?.push(text(2, 'two'))
  await settle()
  t.same(texts(), ['one'])
  t.equal(desk.followed, 0)
  subscribe(1, 'chat/')
  await settle()
  t.same(texts(), ['one', 'two'])
})

t.test('a chat that begins is kept for its own subscriber, for a while', async (t) => {
  const { desk, streams, subscribe, texts, world } = stage(t, { holdMs: 2000 })
  subscribe(1, '')
  for (const [session, words] of [
    [A, 'mine'],
    [B, 'for all'],
  ] as const) {
    streams.set(session, [text(1, words)])
    desk.add(session, true)
  }
  await settle()
  t.same(texts(), [], 'the one who listens to all has to wait')
  subscribe(1, `chat/${A}`)
  await settle()
  t.same(texts(), ['mine'])
  world.now = 2000
  desk.tick(2000)
  await settle()
  t.same(texts(), ['mine', 'for all'])
})

t.test('an ended chat takes no place, until it comes to life again', async (t) => {
  const { desk, streams, over, subscribe, texts } = stage(t)
  streams.set(A, [text(1, 'bye'), complete(2)])
  over.add(A)
  desk.add(A)
  subscribe(1, `chat/${A}`)
  await settle()
  t.same(texts(), ['bye', 'complete'])
  t.equal(desk.followed, 0)
  over.delete(A)
  streams.get(A)?.push(text(3, 'back'))
  desk.add(A)
  await settle()
  t.same(texts(), ['bye', 'complete', 'back'])
})

t.test('chats over the limit get their turn when another ends', async (t) => {
  const { desk, streams, over, subscribe, texts } = stage(t, { maxFollowed: 1 })
  streams.set(A, [text(1, 'first')])
  streams.set(B, [text(1, 'second')])
  subscribe(1, 'chat/')
  desk.add(A)
  desk.add(B)
  await settle()
  t.same(texts(), ['first'])
  over.add(A)
  streams.get(A)?.push(complete(2))
  await settle()
  t.same(texts(), ['first', 'complete', 'second'])
})

t.test('a full subscriber is waited for, but not for ever', async (t) => {
  const { desk, streams, subscribe, positions, texts, world } = stage(t)
  world.isFull = true
  streams.set(A, [text(1, 'one'), text(2, 'two')])
  desk.add(A)
  subscribe(1, `chat/${A}`)
  await turn()
  world.isFull = false
  await settle()
  t.same(texts(), ['one', 'two'])
  t.equal(world.dropped, 0)
  world.isFull = true
  streams.get(A)?.push(text(3, 'three'))
  while (positions.get(A) !== 3) await turn()
  t.equal(world.dropped, 1)
})

t.test('a removed chat is forgotten, also when only the broker knows that it is', async (t) => {
  const { desk, streams, subscribe, gone } = stage(t)
  streams.set(A, [text(1, 'one')])
  desk.add(A)
  desk.add(B)
  subscribe(1, 'chat/')
  await settle()
  t.same(gone, [B])
  desk.remove(A)
  await settle()
  t.same(gone, [B, A])
  t.equal(desk.followed, 0)
  t.equal(desk.has(A), false)
  desk.remove('cccccccc-0000-4000-8000-000000000003')
  t.equal(gone.length, 3, 'also one that nobody minded any more')
})
