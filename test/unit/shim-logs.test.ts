/** agent.logs: the same answers whether the stream was read before or not, and little that is read again. */
import fc from 'fast-check'
import t from 'tap'
import type { StreamItem } from '../../clients/sdk/index.ts'
import { LogEntries } from '../../clients/shim/legacy/log-entries.ts'
import { LogIndex, MAX_MARKS, SPACING } from '../../clients/shim/legacy/log-index.ts'
import { LogReader, MAX_CHARS, MAX_ENTRIES, MAX_INDEXES } from '../../clients/shim/legacy/logs.ts'

type Ports = ConstructorParameters<typeof LogReader>[0]

/** A stream that grows and loses its beginning, and counts what is read of it. */
class Stream {
  readonly items: StreamItem[] = []
  first = 1
  read = 0

  text(content: string): this {
    const seq = this.items.length + 1
    this.items.push({ type: 'text', seq, time: seq, turn: 1, content } as StreamItem)
    return this
  }

  get reader(): LogReader {
    return new LogReader({
      call: async () => ({
        chunks: [],
        gaps: this.first > 1 ? [{ from: 1, to: this.first - 1, reason: 'retention' }] : [],
        head: this.items.length,
      }),
      follow: (_session: string, { from = 1 }) => this.#follow(from),
    } as unknown as Ports)
  }

  async *#follow(from: number): AsyncGenerator<StreamItem> {
    if (from < this.first) yield { type: 'gap', from, to: this.first - 1 } as StreamItem
    for (const item of this.items.slice(Math.max(from, this.first) - 1)) {
      this.read += 1
      yield item
    }
  }

  /** All entries, read in one go. */
  get entries() {
    const entries = new LogEntries()
    const all = this.items.slice(this.first - 1).flatMap((item) => [...entries.add(item)])
    return [...all, ...entries.end()]
  }
}

const lines = (count: number): Stream => {
  const stream = new Stream()
  for (let n = 1; n <= count; n += 1) stream.text(`line ${n}\n`)
  return stream
}

t.test('every window is that of the whole, in whatever order one asks', async () => {
  const content = fc.constantFrom('a', 'b\n', '\n', 'c\nd', 'e\nf\n', '')
  const step = fc.oneof(
    fc.record({ add: fc.array(content, { maxLength: 20 }) }),
    fc.record({ offset: fc.nat(30), limit: fc.nat(10) }),
    fc.record({ trim: fc.nat(5) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const stream = new Stream()
      const { reader } = stream
      for (const step of steps) {
        if ('add' in step) for (const text of step.add) stream.text(text)
        else if ('trim' in step) {
          stream.first = Math.min(stream.first + step.trim, stream.items.length + 1)
        } else {
          const { entries } = stream
          const logs = entries.slice(step.offset, step.offset + step.limit)
          const given = await reader.read('s', step)
          if (JSON.stringify(given) !== JSON.stringify({ logs, total: entries.length }))
            return false
        }
      }
      return true
    }),
    { numRuns: 500 },
  )
})

t.test('a caller who asks again makes only a part be read again', async (t) => {
  const stream = lines(20_000)
  const { reader } = stream
  t.equal((await reader.read('s', { limit: 10, offset: 0 })).total, 20_000)
  stream.read = 0
  stream.text('new\n')
  const { logs, total } = await reader.read('s', { limit: 10, offset: 10_000 })
  t.match(logs[0], { message: 'line 10001' })
  t.equal(total, 20_001)
  t.ok(stream.read <= SPACING + 12, `${stream.read} chunks were read`)
  stream.read = 0
  t.same(await reader.read('s', { limit: 0, offset: 0 }), { logs: [], total: 20_001 })
  t.equal(stream.read, 0)
})

t.test('what is remembered is bounded', async (t) => {
  const index = new LogIndex(1)
  const state = { line: undefined, hasStarted: true }
  for (let n = 1; n <= 5 * MAX_MARKS; n += 1) index.reach({ seq: n + 1, total: n * SPACING, state })
  t.ok(index.size <= MAX_MARKS)
  t.ok(index.before(MAX_MARKS * SPACING).total > (MAX_MARKS - 9) * SPACING)

  const stream = lines(1)
  const { reader } = stream
  for (let n = 0; n < MAX_INDEXES + 5; n += 1) await reader.read(`s${n}`, { limit: 1, offset: 0 })
  t.equal(reader.remembered, MAX_INDEXES)
})

t.test('an answer is bounded in entries and in characters', async (t) => {
  const many = lines(MAX_ENTRIES + 5)
  const all = await many.reader.read('s', { limit: null, offset: null })
  t.equal(all.logs.length, 1000)
  t.equal((await many.reader.read('s', { limit: 1e6, offset: 0 })).logs.length, MAX_ENTRIES)

  const long = new Stream()
  for (let n = 0; n < 200; n += 1) long.text(`${'x'.repeat(50_000)}\n`)
  const { logs, total } = await long.reader.read('s', { limit: 1000, offset: 0 })
  t.equal(logs.length, Math.ceil(MAX_CHARS / 50_000))
  t.equal(total, 200)
})
