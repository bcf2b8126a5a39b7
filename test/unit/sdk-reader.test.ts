import fc from 'fast-check'
import t from 'tap'
import { type Gap, type Page, type Range, type RawChunk, Reader } from '../../clients/sdk/reader.ts'

const chunk = (seq: number, bytes = 10): RawChunk => ({
  seq,
  time: 0,
  turn: 1,
  code: 2,
  body: Buffer.alloc(bytes),
})

function range(from: number, to: number): RawChunk[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => chunk(from + index))
}

/** An honest page of a journal that has 1..head but for the `gone` ones. */
function page(
  { from, to }: Range,
  head: number,
  maxCount: number,
  gone: ReadonlySet<number>,
): Page {
  const end = Math.min(to, head, from + maxCount - 1)
  const chunks = range(from, end).filter(({ seq }) => !gone.has(seq))
  const gaps = [...gone]
    .filter((seq) => seq >= from && seq <= end)
    .map((seq) => ({ from: seq, to: seq, reason: 'corrupt' }))
  return { chunks, gaps, next: Math.max(from, end + 1), head }
}

function takeAll(reader: Reader): (RawChunk | Gap)[] {
  const items: (RawChunk | Gap)[] = []
  for (let item = reader.take(); item; item = reader.take()) items.push(item)
  return items
}

/** Takes and reads pages until nothing more is wanted. */
function pump(reader: Reader, head: number, maxCount = 3, gone: ReadonlySet<number> = new Set()) {
  const items = takeAll(reader)
  for (let need = reader.need(); need; need = reader.need()) {
    reader.page(page(need, head, maxCount, gone))
    items.push(...takeAll(reader))
  }
  return items
}

const sequences = (items: readonly (RawChunk | Gap)[]) =>
  items.map((item) => ('seq' in item ? item.seq : `${item.from}-${item.to} ${item.reason}`))

t.test('a head ahead of the reader makes it want the range up to there', async (t) => {
  const reader = new Reader(1)
  t.equal(reader.need(), undefined)
  reader.head(5)
  t.same(reader.need(), { from: 1, to: 5 })
  t.same(sequences(pump(reader, 5)), [1, 2, 3, 4, 5])
  t.equal(reader.need(), undefined)
})

t.test('live chunks in order come out without reading anything', async (t) => {
  const reader = new Reader(1)
  for (const live of range(1, 3)) reader.chunk(live)
  t.same(sequences(takeAll(reader)), [1, 2, 3])
  t.equal(reader.need(), undefined)
})

t.test('a hole is read from the journal, and only the hole', async (t) => {
  const reader = new Reader(1)
  reader.chunk(chunk(1))
  reader.chunk(chunk(4))
  t.same(sequences(takeAll(reader)), [1])
  t.same(reader.need(), { from: 2, to: 3 })
  reader.page(page({ from: 2, to: 3 }, 4, 10, new Set()))
  t.same(sequences(takeAll(reader)), [2, 3, 4])
})

t.test('what was seen is not seen again, live or from a page', async (t) => {
  const reader = new Reader(1)
  for (const seq of [1, 1, 2]) reader.chunk(chunk(seq))
  t.same(sequences(takeAll(reader)), [1, 2])
  reader.chunk(chunk(2))
  reader.head(3)
  reader.page({ chunks: range(1, 3), gaps: [], next: 4, head: 3 })
  t.same(sequences(takeAll(reader)), [3])
})

t.test('a start beyond the head waits for it', async (t) => {
  const reader = new Reader(10)
  reader.head(4)
  reader.chunk(chunk(5))
  t.equal(reader.need(), undefined)
  t.same(takeAll(reader), [])
  reader.head(11)
  t.same(sequences(pump(reader, 11)), [10, 11])
})

t.test('what the journal no longer has is told as a gap', async (t) => {
  const reader = new Reader(1)
  reader.head(6)
  reader.page({
    chunks: range(4, 6),
    gaps: [{ from: 1, to: 3, reason: 'retention' }],
    next: 7,
    head: 6,
  })
  t.same(sequences(takeAll(reader)), ['1-3 retention', 4, 5, 6])
})

t.test('a gap that began before the reader starts where the reader is', async (t) => {
  const reader = new Reader(3)
  reader.head(5)
  reader.page({
    chunks: [chunk(5)],
    gaps: [{ from: 1, to: 4, reason: 'retention' }],
    next: 6,
    head: 5,
  })
  t.same(sequences(takeAll(reader)), ['3-4 retention', 5])
})

t.test('what a page passes over without a word is told as missing', async (t) => {
  const reader = new Reader(1)
  reader.head(6)
  reader.page({ chunks: [chunk(1), chunk(4)], gaps: [], next: 7, head: 6 })
  t.same(sequences(takeAll(reader)), [1, '2-3 missing', 4, '5-6 missing'])
})

t.test('a chunk that came live is delivered though the journal has lost it', async (t) => {
  const reader = new Reader(1)
  reader.chunk(chunk(2))
  reader.page({
    chunks: [chunk(4)],
    gaps: [{ from: 1, to: 3, reason: 'corrupt' }],
    next: 5,
    head: 4,
  })
  t.same(sequences(takeAll(reader)), ['1-1 corrupt', 2, '3-3 corrupt', 4])
})

t.test('a page that brings nothing says so, and its head counts', async (t) => {
  const reader = new Reader(1)
  reader.head(3)
  t.equal(reader.page({ chunks: [], gaps: [], next: 1, head: 0 }), false)
  t.equal(reader.need(), undefined)
  reader.head(1)
  t.same(reader.need(), { from: 1, to: 1 })
})

t.test('live chunks are kept within their limits, in count and in bytes', async (t) => {
  const counted = new Reader(1, { liveChunks: 4, liveBytes: 1e9 })
  for (const live of range(2, 100)) counted.chunk(live)
  t.same(counted.buffered, { count: 4, bytes: 40 })
  t.same(sequences(pump(counted, 100, 1000)).length, 100)

  const weighed = new Reader(1, { liveChunks: 1e9, liveBytes: 25 })
  for (const live of range(2, 100)) weighed.chunk(live)
  t.same(weighed.buffered, { count: 2, bytes: 20 })
  t.same(sequences(pump(weighed, 100, 1000)).length, 100)
  t.same(weighed.buffered, { count: 0, bytes: 0 })
})

type Step =
  | { readonly do: 'publish'; readonly count: number }
  | { readonly do: 'live'; readonly back: number }
  | { readonly do: 'head'; readonly back: number }
  | { readonly do: 'take'; readonly maxCount: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ do: fc.constant('live' as const), back: fc.nat(12) }),
  fc.record({ do: fc.constant('head' as const), back: fc.nat(12) }),
  fc.record({ do: fc.constant('take' as const), maxCount: fc.integer({ min: 1, max: 6 }) }),
)

t.test('any mix of live chunks, heads and pages comes out as 1..n in order', async () => {
  const limits = { liveChunks: 5, liveBytes: 40 }
  const property = fc.property(
    fc.array(step, { maxLength: 120 }),
    fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 10 }),
    fc.integer({ min: 1, max: 5 }),
    (steps, goneList, from) => {
      const gone = new Set(goneList)
      const reader = new Reader(from, limits)
      const items: (RawChunk | Gap)[] = []
      let head = 0
      for (const now of steps) {
        if (now.do === 'publish') head += now.count
        else if (now.do === 'take') items.push(...pump(reader, head, now.maxCount, gone))
        else if (now.do === 'head') reader.head(Math.max(0, head - now.back))
        else if (head - now.back >= 1) reader.chunk(chunk(head - now.back))
        if (reader.buffered.count > limits.liveChunks) return false
        if (reader.buffered.bytes > limits.liveBytes) return false
      }
      reader.head(head)
      items.push(...pump(reader, head, 4, gone))
      return isWhole(items, from, Math.max(head, from - 1), gone)
    },
  )
  fc.assert(property, { numRuns: 2000 })
})

/** Each sequence once, in order; a gap only over what the journal has lost. */
function isWhole(
  items: readonly (RawChunk | Gap)[],
  from: number,
  to: number,
  gone: ReadonlySet<number>,
): boolean {
  let next = from
  for (const item of items) {
    const [first, last] = 'seq' in item ? [item.seq, item.seq] : [item.from, item.to]
    if (first !== next || last < first) return false
    if ('type' in item && range(first, last).some(({ seq }) => !gone.has(seq))) return false
    next = last + 1
  }
  return next === to + 1
}
