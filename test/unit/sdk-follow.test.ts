import t from 'tap'
import type { FeedListener } from '../../clients/sdk/feed.ts'
import { type FollowOptions, follow } from '../../clients/sdk/follow.ts'
import { SDK_LIMITS } from '../../clients/sdk/limits.ts'
import type { Page, RawChunk } from '../../clients/sdk/reader.ts'
import type { StreamItem } from '../../clients/sdk/stream-item.ts'
import { encode } from '../../protocol/codec.ts'
import { type ErrorCode, ProtocolError } from '../../protocol/errors.ts'
import { CHUNK_CODES, type ChunkBody, type ChunkType } from '../../protocol/messages/chunk.ts'

const PAGE = SDK_LIMITS.pageChunks

/** A stream of which a test decides what is in the journal, what comes live, and what fails. */
class Bench {
  readonly journal: RawChunk[] = []
  readonly failures: ErrorCode[] = []
  /** Of the next pages, in place of the usual one. */
  readonly pageSizes: number[] = []
  /** Which reads fail, counted from 1. */
  readonly failsAt = new Set<number>()
  reads = 0
  pauses = 0
  isLeft = false
  listener: FeedListener | undefined
  readonly #pageSize: number

  constructor(pageSize = 10) {
    this.#pageSize = pageSize
  }

  add<T extends ChunkType>(type: T, body: ChunkBody<T>): RawChunk {
    return this.addRaw(CHUNK_CODES[type], encode(body))
  }

  addRaw(code: number, body: Buffer): RawChunk {
    const chunk = { seq: this.journal.length + 1, time: 5, turn: 1, code, body }
    this.journal.push(chunk)
    return chunk
  }

  addTexts(count: number): void {
    for (let n = 0; n < count; n += 1) this.add('text', { content: `${n}` })
  }

  follow(options: FollowOptions = {}) {
    return follow('s', options, {
      resolve: async (reference) => {
        this.#failIfAsked()
        return reference
      },
      join: (_session, listener) => {
        this.listener = listener
        listener.head(this.journal.length)
        return () => {
          this.isLeft = true
        }
      },
      read: async (_session, { from, to }) => this.#read(from, to),
      pause: async () => {
        this.pauses += 1
      },
      random: () => 0,
    })
  }

  #read(from: number, to: number): Page {
    this.reads += 1
    this.#failIfAsked()
    if (this.failsAt.has(this.reads)) throw new ProtocolError('OVERLOADED')
    const size = this.pageSizes.shift() ?? this.#pageSize
    const chunks = this.journal.slice(from - 1, Math.min(to, from - 1 + size))
    return { chunks, gaps: [], next: from + chunks.length, head: this.journal.length }
  }

  #failIfAsked(): void {
    const code = this.failures.shift()
    if (code) throw new ProtocolError(code)
  }
}

async function all(items: AsyncIterable<StreamItem>): Promise<StreamItem[]> {
  const list: StreamItem[] = []
  for await (const item of items) list.push(item)
  return list
}

const sequenceOf = (item: StreamItem) => ('seq' in item ? item.seq : undefined)

/** Lets whatever goes on in the background come to rest. */
const rest = () => new Promise((resolve) => setImmediate(resolve))

t.test('a follower that is not read fetches one page ahead and no more', async (t) => {
  const bench = new Bench(10)
  bench.addTexts(1000)
  const items = bench.follow()
  await rest()
  t.equal(bench.reads, 0)
  await items.next()
  await rest()
  t.equal(bench.reads, 2)
  for (let n = 0; n < 10; n += 1) await items.next()
  await rest()
  t.equal(bench.reads, 3)
})

t.test('behind a page that is full two are fetched, and no more', async (t) => {
  const bench = new Bench(PAGE)
  bench.addTexts(10 * PAGE)
  const items = bench.follow()
  await items.next()
  await rest()
  t.equal(bench.reads, 3)
  for (let n = 0; n < PAGE; n += 1) await items.next()
  await rest()
  t.equal(bench.reads, 4)
})

t.test('a page that ends before the one that was guessed leaves no hole', async (t) => {
  const bench = new Bench(PAGE)
  bench.addTexts(5 * PAGE)
  bench.pageSizes.push(PAGE, 7) // the third begins where the second would have ended
  bench.add('complete', { exit_code: 0, session_id: 's' })
  const sequences = (await all(bench.follow({ until: 'complete' }))).map((item) => sequenceOf(item))
  t.same(
    sequences,
    Array.from({ length: 5 * PAGE + 1 }, (_, index) => index + 1),
  )
})

t.test('what fails ahead of its time is read when it is needed', async (t) => {
  const bench = new Bench(2)
  bench.addTexts(3)
  bench.failsAt.add(2)
  const items = bench.follow()
  await items.next()
  await items.next()
  t.match(await items.next(), { value: { seq: 3 } })
  t.same([bench.reads, bench.pauses], [3, 0])
})

t.test('calls of next that overlap are answered in order', async (t) => {
  const bench = new Bench(2)
  bench.addTexts(5)
  const items = bench.follow()
  const results = await Promise.all(Array.from({ length: 5 }, () => items.next()))
  t.same(
    results.map(({ value }) => value && 'seq' in value && value.seq),
    [1, 2, 3, 4, 5],
  )
})

t.test('failures that may pass are sat out; others end the iteration, once', async (t) => {
  const bench = new Bench()
  bench.addTexts(1)
  bench.failures.push('DRAINING', 'DEADLINE_EXCEEDED', 'OVERLOADED')
  const items = bench.follow()
  t.match(await items.next(), { value: { seq: 1 } })
  t.equal(bench.pauses, 3)
  bench.addTexts(1)
  bench.failures.push('FORBIDDEN')
  bench.listener?.head(2)
  await t.rejects(items.next(), { code: 'FORBIDDEN' })
  t.equal(bench.isLeft, true)
  t.match(await items.next(), { done: true })
})

t.test('a head that the journal does not know is asked for again, after a pause', async (t) => {
  const bench = new Bench()
  const items = bench.follow()
  const next = items.next()
  await rest()
  bench.listener?.head(1)
  await rest()
  t.same([bench.reads, bench.pauses], [1, 1])
  bench.addTexts(1)
  bench.listener?.head(1)
  t.match(await next, { value: { seq: 1 } })
})

t.test('returning ends a next that waits', async (t) => {
  const bench = new Bench()
  const items = bench.follow()
  const next = items.next()
  await rest()
  t.match(await items.return(), { done: true })
  t.match(await next, { done: true })
  t.equal(bench.isLeft, true)
})

t.test('what this version cannot read is delivered as unknown', async (t) => {
  const bench = new Bench()
  bench.addRaw(200, encode({ shiny: true }))
  bench.addRaw(CHUNK_CODES.text, encode({ content: 7 }))
  bench.addRaw(CHUNK_CODES.text, Buffer.from([0xc1]))
  bench.add('complete', { exit_code: 0, session_id: 's' })
  const [newer, misfit, garbage] = await all(bench.follow({ until: 'complete' }))
  t.match(newer, { type: 'unknown', seq: 1, code: 200, body: { shiny: true }, reason: '' })
  t.match(misfit, { type: 'unknown', seq: 2, body: { content: 7 }, reason: /^text: .*content/ })
  t.match(garbage, { type: 'unknown', seq: 3, body: Buffer.from([0xc1]), reason: /./ })
})

t.test('a decoded chunk has its body, its type and its place', async (t) => {
  const bench = new Bench()
  bench.add('text', { content: 'hi' })
  const { value } = await bench.follow().next()
  t.same(value, { type: 'text', seq: 1, time: 5, turn: 1, content: 'hi' })
})

t.test('until complete passes over the end of a life that was recovered', async (t) => {
  const bench = new Bench()
  bench.add('complete', { exit_code: 1, session_id: 's' })
  bench.add('status', { status: 'failed' })
  bench.add('status', { status: 'starting' })
  bench.addTexts(1)
  bench.add('complete', { exit_code: 0, session_id: 's' })
  bench.add('status', { status: 'ended' })
  const items = await all(bench.follow({ until: 'complete' }))
  t.equal(items.length, 6)
})
