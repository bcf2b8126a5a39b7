import t from 'tap'
import { Feed, type FeedPorts } from '../../clients/sdk/feed.ts'
import type { RawChunk } from '../../clients/sdk/reader.ts'
import { ProtocolError } from '../../protocol/errors.ts'

interface Opening {
  readonly signal: AbortSignal
  readonly from: number
  grant(head: number): Promise<void>
  refuse(error: ProtocolError): Promise<void>
}

/** A feed whose calls are answered by the test, one listener, and a clock that the test moves. */
class Bench {
  now = 0
  readonly openings: Opening[] = []
  readonly polls: { readonly after: number; answer(head: number): Promise<void> }[] = []
  readonly told: string[] = []
  readonly events: string[] = []
  readonly feed = new Feed('s', this.#ports())
  readonly listener = {
    chunk: (chunk: RawChunk) => this.events.push(`chunk ${chunk.seq}`),
    head: (seq: number) => this.events.push(`head ${seq}`),
    failed: (error: ProtocolError) => this.events.push(error.code),
  }

  #ports(): FeedPorts {
    return {
      open: (_session, from, signal) =>
        new Promise((resolve, reject) => {
          const ticket = `t${this.openings.length + 1}`
          this.openings.push({
            signal,
            from,
            grant: (head) => settled(() => resolve({ ticket, topic: 'topic', head })),
            refuse: (error) => settled(() => reject(error)),
          })
        }),
      release: (ticket) => this.told.push(`release ${ticket}`),
      pollHead: (_session, after) =>
        new Promise((resolve) => {
          const answer = (head: number) => settled(() => resolve(head))
          this.polls.push({ after, answer })
        }),
      subscribe: ({ ticket }) => this.told.push(`+${ticket}`),
      unsubscribe: ({ ticket }) => this.told.push(`-${ticket}`),
      now: () => this.now,
      random: () => 0.5,
    }
  }

  get opening(): Opening {
    const opening = this.openings.at(-1)
    if (!opening) throw new Error('nothing was opened')
    return opening
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 100) {
      this.now += Math.min(left, 100)
      this.feed.tick(this.now)
    }
  }

  /** A feed that is subscribed and has proven it. */
  static async live(): Promise<Bench> {
    const bench = new Bench()
    bench.feed.join(bench.listener)
    await bench.opening.grant(0)
    bench.feed.head(0)
    bench.events.length = 0
    return bench
  }
}

/** Acts, then lets promises that this settled run their course. */
async function settled(act: () => void): Promise<void> {
  act()
  await new Promise((resolve) => setImmediate(resolve))
}

const chunk = (seq: number): RawChunk => ({ seq, time: 0, turn: 0, code: 2, body: Buffer.alloc(0) })

t.test('the first reader opens the feed and learns the head before it is proven', async (t) => {
  const bench = new Bench()
  bench.feed.join(bench.listener)
  await bench.opening.grant(7)
  t.same(bench.told, ['+t1'])
  t.same(bench.events, ['head 0', 'head 7'])
  t.equal(bench.feed.isLive, false)
  bench.feed.head(7)
  t.equal(bench.feed.isLive, true)
})

t.test('the last reader to leave gives the ticket back', async (t) => {
  const bench = await Bench.live()
  const other = { ...bench.listener }
  bench.feed.join(other)
  bench.feed.leave(other)
  t.same(bench.told, ['+t1'])
  bench.feed.leave(bench.listener)
  t.same(bench.told, ['+t1', '-t1'])
})

t.test('a late reader learns the head at once', async (t) => {
  const bench = await Bench.live()
  bench.feed.chunk(chunk(1))
  bench.feed.join({ ...bench.listener })
  t.same(bench.events, ['chunk 1', 'head 1'])
  t.equal(bench.openings.length, 1)
})

t.test('silence makes it open anew, after giving up the old ticket', async (t) => {
  const bench = await Bench.live()
  bench.pass(3_400)
  bench.feed.head(0)
  bench.pass(3_400)
  t.equal(bench.openings.length, 1)
  bench.pass(100)
  t.equal(bench.openings.length, 2)
  await bench.opening.grant(4)
  t.same(bench.told, ['+t1', '-t1', '+t2'])
  t.equal(bench.events.at(-1), 'head 4')
})

t.test('a live feed whose connection broke opens anew at once', async (t) => {
  const bench = await Bench.live()
  bench.feed.broken()
  t.equal(bench.openings.length, 2)
  await bench.opening.grant(4)
  t.same(bench.told, ['+t1', '-t1', '+t2'])
  t.equal(bench.events.at(-1), 'head 4')
})

t.test('a connection that breaks again and again makes it ask once', async (t) => {
  const bench = await Bench.live()
  bench.feed.broken()
  bench.feed.broken()
  await bench.opening.grant(4)
  bench.feed.broken()
  t.equal(bench.openings.length, 2, 'until something is heard again, or time is over')
  bench.feed.close()
  bench.feed.broken()
  t.equal(bench.openings.length, 2)
})

t.test('while it does not become live, the head is polled and new tickets are tried', async (t) => {
  const bench = new Bench()
  bench.feed.join(bench.listener)
  await bench.opening.grant(2)
  bench.pass(2_900)
  t.equal(bench.polls.length, 0)
  bench.pass(100)
  t.match(bench.polls, [{ after: 2 }])
  t.equal(bench.openings.length, 2)
  await bench.polls[0]?.answer(5)
  t.equal(bench.events.at(-1), 'head 5')
  bench.pass(1_000)
  t.match(bench.polls, [{ after: 2 }, { after: 5 }])
  bench.pass(5_000)
  t.equal(bench.polls.length, 2, 'one poll at a time')
  await bench.opening.grant(5)
  bench.feed.head(5)
  await bench.polls[1]?.answer(5)
  bench.pass(3_000)
  t.equal(bench.polls.length, 2, 'no polls once it is live')
})

t.test('a ticket that nobody waits for any more is given back', async (t) => {
  const bench = new Bench()
  bench.feed.join(bench.listener)
  const first = bench.opening
  bench.feed.reopen()
  t.equal(first.signal.aborted, true)
  await first.grant(1)
  await bench.opening.grant(2)
  t.same(bench.told, ['release t1', '+t2'])
})

t.test('a refusal that may pass is tried again after a while', async (t) => {
  const bench = new Bench()
  bench.feed.join(bench.listener)
  await bench.opening.refuse(new ProtocolError('DEADLINE_EXCEEDED'))
  bench.pass(200)
  t.equal(bench.openings.length, 1)
  bench.pass(100)
  t.equal(bench.openings.length, 2)
  t.same(bench.events, ['head 0'])
})

t.test('a refusal that will not pass is told to every reader', async (t) => {
  const bench = new Bench()
  bench.feed.join(bench.listener)
  bench.feed.join({ ...bench.listener })
  await bench.opening.refuse(new ProtocolError('NO_SUCH_SESSION', { session: 's' }))
  t.same(bench.events, ['head 0', 'head 0', 'NO_SUCH_SESSION', 'NO_SUCH_SESSION'])
  bench.pass(10_000)
  t.equal(bench.openings.length, 1)
})

t.test('its position is that of the slowest reader, and is told once', async (t) => {
  const bench = new Bench()
  const at = { fast: 6, slow: 4 }
  bench.feed.join({ ...bench.listener, position: () => at.fast })
  bench.feed.join({ ...bench.listener, position: () => at.slow })
  t.equal(bench.opening.from, 7, 'opened for the reader that came first')
  t.equal(bench.feed.progress(), undefined, 'nothing to tell without a ticket')
  await bench.opening.grant(9)
  const told = bench.feed.progress()
  t.same(told, { ticket: 't1', position: 4 })
  at.fast = 9
  t.equal(bench.feed.progress(), undefined)
  if (told) bench.feed.untold(told)
  t.same(bench.feed.progress(), { ticket: 't1', position: 4 }, 'again, when that was lost')
  bench.feed.reopen()
  t.equal(bench.opening.from, 5)
  await bench.opening.grant(9)
  t.same(bench.feed.progress(), { ticket: 't2', position: 4 }, 'again, for another ticket')
})

t.test('a feed that is only kept warm is not behind', async (t) => {
  const bench = await Bench.live()
  bench.feed.chunk(chunk(1))
  t.match(bench.feed.progress(), { position: 1 })
})
