/**
 * What every journal promises, as one suite: run it against each implementation.
 */
import type { Test } from 'tap'
import {
  type Journal,
  type JournalOperation,
  type PageResult,
  type ReadRange,
  type StoredChunk,
  TABLES,
} from '../../broker/journal/journal.ts'
import { encode } from '../../protocol/codec.ts'

/** One journal under test, and the hands to do to it what a test cannot do through the interface. */
export interface JournalFixture {
  readonly journal: Journal
  /** Ends the journal as a crash or a restart would, and opens what is left. */
  reopen(): Promise<JournalFixture>
  /** Flips a bit in the stored body of one chunk, then reopens. */
  damage(session: string, sequence: number): Promise<JournalFixture>
  setFull(isFull: boolean): void
}

export type OpenJournal = (t: Test) => JournalFixture

const EVERYTHING: ReadRange = { from: 1, to: 1e9, maxCount: 1e9, maxBytes: 1e9 }

export function chunk(sequence: number, text = `text of ${sequence}`): StoredChunk {
  const body = Buffer.from(text)
  const producerSequence = sequence * 10
  return { sequence, producerSequence, time: 1_700_000_000_123.5, turn: 3, type: 2, body }
}

export function append(session: string, sequence: number, text?: string): JournalOperation {
  return { op: 'append', session, chunk: chunk(sequence, text) }
}

/** Resolves when the write is durable, rejects when it failed. */
export function write(journal: Journal, ...operations: JournalOperation[]): Promise<void> {
  return new Promise((resolve, reject) => {
    journal.write(operations, (error) => (error ? reject(error) : resolve()))
  })
}

export function appendRange(from: number, to: number, session = 's'): JournalOperation[] {
  return Array.from({ length: to - from + 1 }, (_, index) => append(session, from + index))
}

function sequences(journal: Journal, session: string, range = EVERYTHING): number[] {
  return journal.read(session, range).chunks.map((stored) => stored.sequence)
}

export function journalContract(t: Test, open: OpenJournal): void {
  t.test('chunks', async (t) => chunkContract(t, open))
  t.test('ranges and gaps', async (t) => rangeContract(t, open))
  t.test('pages', async (t) => pageContract(t, open))
  t.test('trims', async (t) => trimContract(t, open))
  t.test('tables', async (t) => tableContract(t, open))
  t.test('durability', async (t) => durabilityContract(t, open))
  t.test('failures', async (t) => failureContract(t, open))
}

function chunkContract(t: Test, open: OpenJournal): void {
  t.test('a chunk comes back as it was given', async (t) => {
    const { journal } = open(t)
    await write(journal, append('s', 1, 'grüße'))
    t.same(journal.read('s', EVERYTHING), { chunks: [chunk(1, 'grüße')], gaps: [], next: 2 })
  })

  t.test('bodies of every size come back and stay as they are', async (t) => {
    const { journal } = open(t)
    const texts = [0, 1, 4000, 40_000, 2_000_000].map((size, index) => `${index}`.repeat(size))
    await write(journal, ...texts.map((text, index) => append('s', index + 1, text)))
    const { chunks } = journal.read('s', EVERYTHING)
    await write(journal, ...texts.map((text, index) => append('other', index + 1, `${text}x`)))
    journal.read('other', EVERYTHING)
    t.same(
      chunks.map((stored) => stored.body.toString() === texts[stored.sequence - 1]),
      [true, true, true, true, true],
    )
  })

  t.test('the highest sequence there can be is stored and read', async (t) => {
    const { journal } = open(t)
    const highest = { ...chunk(1), sequence: 2 ** 48 - 2 }
    await write(journal, { op: 'append', session: 's', chunk: highest })
    t.same(sequences(journal, 's', { ...EVERYTHING, from: 5, to: Number.MAX_SAFE_INTEGER }), [
      2 ** 48 - 2,
    ])
  })

  t.test('an id that no session can have is refused, and never taken for another', async (t) => {
    const { journal } = open(t)
    await write(journal, append('a', 1))
    t.throws(() => journal.head('\u0161'), { code: 'INVALID_MESSAGE' })
    t.throws(() => journal.read('a\0', EVERYTHING), { code: 'INVALID_MESSAGE' })
  })

  t.test('a session is empty before its first chunk', async (t) => {
    const { journal } = open(t)
    t.same(journal.head('s'), { sequence: 0, producerSequence: 0 })
    t.same(journal.read('s', EVERYTHING), { chunks: [], gaps: [], next: 1 })
  })

  t.test('sessions whose ids begin alike do not mix', async (t) => {
    const { journal } = open(t)
    await write(journal, append('a', 1), append('ab', 1), append('ab', 2), append('b', 7))
    t.same(sequences(journal, 'a'), [1])
    t.same(sequences(journal, 'ab'), [1, 2])
    t.same(journal.head('ab'), { sequence: 2, producerSequence: 20 })
    t.same(journal.head('a'), { sequence: 1, producerSequence: 10 })
  })

  t.test('chunks come in the order of their numbers, also past a byte', async (t) => {
    const { journal } = open(t)
    await write(journal, ...appendRange(250, 260))
    t.same(sequences(journal, 's'), [250, 251, 252, 253, 254, 255, 256, 257, 258, 259, 260])
  })

  t.test('a dropped session is empty, and its neighbours are not', async (t) => {
    const { journal } = open(t)
    await write(journal, ...appendRange(1, 1500), append('r', 1), append('t', 1))
    await write(journal, { op: 'drop', session: 's' })
    t.same(journal.head('s'), { sequence: 0, producerSequence: 0 })
    t.same(journal.read('s', EVERYTHING), { chunks: [], gaps: [], next: 1 })
    t.same([sequences(journal, 'r'), sequences(journal, 't')], [[1], [1]])
  })

  t.test('a session can begin again in the write that drops it', async (t) => {
    const fixture = open(t)
    await write(fixture.journal, ...appendRange(1, 5))
    await write(fixture.journal, { op: 'drop', session: 's' }, append('s', 1, 'anew'))
    await write(fixture.journal, append('s', 2))
    t.same(sequences(fixture.journal, 's'), [1, 2])
    const { journal } = await fixture.reopen()
    t.same(sequences(journal, 's'), [1, 2])
    t.equal(journal.read('s', EVERYTHING).chunks[0]?.body.toString(), 'anew')
  })
}

function rangeContract(t: Test, open: OpenJournal): void {
  t.test('a range is inclusive and tells where to go on', async (t) => {
    const { journal } = open(t)
    await write(journal, ...appendRange(1, 9))
    const result = journal.read('s', { ...EVERYTHING, from: 3, to: 5 })
    t.same(
      result.chunks.map((stored) => stored.sequence),
      [3, 4, 5],
    )
    t.equal(result.next, 6)
    t.equal(journal.read('s', { ...EVERYTHING, from: 20 }).next, 20)
  })

  t.test('a read stops at its count and at its bytes', async (t) => {
    const { journal } = open(t)
    await write(journal, ...[1, 2, 3, 4].map((sequence) => append('s', sequence, 'x'.repeat(100))))
    const byCount = journal.read('s', { ...EVERYTHING, maxCount: 2 })
    t.same([byCount.chunks.length, byCount.next], [2, 3])
    const byBytes = journal.read('s', { ...EVERYTHING, maxBytes: 350 })
    t.same([byBytes.chunks.length, byBytes.next], [3, 4])
    const exact = journal.read('s', { ...EVERYTHING, maxBytes: 200 })
    t.same([exact.chunks.length, exact.next], [2, 3])
    const first = journal.read('s', { ...EVERYTHING, from: 2, maxBytes: 1 })
    t.same([first.chunks.length, first.next], [1, 3])
  })

  t.test('what lies before the first chunk is a gap of retention', async (t) => {
    const { journal } = open(t)
    await write(journal, ...appendRange(5, 6))
    t.same(journal.read('s', EVERYTHING).gaps, [{ from: 1, to: 4, reason: 'retention' }])
    const before = journal.read('s', { ...EVERYTHING, from: 2, to: 3 })
    t.same(before, { chunks: [], gaps: [{ from: 2, to: 3, reason: 'retention' }], next: 4 })
  })

  t.test('a hole between chunks is a gap of damage', async (t) => {
    const { journal } = open(t)
    await write(journal, append('s', 1), append('s', 4))
    t.same(journal.read('s', EVERYTHING).gaps, [{ from: 2, to: 3, reason: 'corrupt' }])
    t.same(journal.read('s', { ...EVERYTHING, to: 3 }).gaps, [
      { from: 2, to: 3, reason: 'corrupt' },
    ])
  })

  t.test('a damaged chunk is a gap and its neighbours are served', async (t) => {
    const before = open(t)
    await write(before.journal, ...appendRange(1, 6))
    const once = await before.damage('s', 3)
    const { journal } = await once.damage('s', 4)
    const result = journal.read('s', EVERYTHING)
    t.same(
      result.chunks.map((stored) => stored.sequence),
      [1, 2, 5, 6],
    )
    t.same(result.gaps, [{ from: 3, to: 4, reason: 'corrupt' }])
    t.equal(result.next, 7)
    t.equal(journal.stats().corrupt, 2)
  })

  t.test('the number of a damaged last chunk is not given again', async (t) => {
    const before = open(t)
    await write(before.journal, ...appendRange(1, 3))
    const { journal } = await before.damage('s', 3)
    t.same(journal.head('s'), { sequence: 3, producerSequence: 20 })
  })
}

/** What `readPage` gives, with the bytes of its chunks as `read` would have them. */
function expectedPage(journal: Journal, range: ReadRange): { readonly page: Buffer } {
  const { chunks, ...rest } = journal.read('s', range)
  const page = chunks.map(({ sequence, time, turn, type, body }) => {
    return [sequence, time, turn, type, body]
  })
  return { page: encode(page), ...rest }
}

/** As they are kept: what is void with the next read would change under whoever holds it. */
function pagesOf(journal: Journal, ranges: readonly ReadRange[]): readonly PageResult[] {
  return ranges.map((range) => journal.readPage('s', range))
}

function pageContract(t: Test, open: OpenJournal): void {
  const ranges: readonly ReadRange[] = [
    EVERYTHING,
    { ...EVERYTHING, from: 3, to: 20 },
    { ...EVERYTHING, from: 2, to: 4 },
    { ...EVERYTHING, maxCount: 7 },
    { ...EVERYTHING, maxBytes: 60 },
    { ...EVERYTHING, from: 12, maxBytes: 1 },
    { ...EVERYTHING, from: 1000 },
  ]

  t.test('a page has what is read, also with damage, holes and what was trimmed', async (t) => {
    const before = open(t)
    const later = [append('s', 26, 'x'.repeat(300)), append('s', 27, ''), append('r', 1)]
    await write(before.journal, ...appendRange(1, 24), ...later)
    await write(before.journal, trim(3))
    const { journal } = await before.damage('s', 12)
    t.same(
      pagesOf(journal, ranges),
      ranges.map((range) => expectedPage(journal, range)),
    )
  })

  t.test('each damaged record of a page counts', async (t) => {
    const before = open(t)
    await write(before.journal, ...appendRange(1, 5))
    const { journal } = await before.damage('s', 3)
    journal.readPage('s', EVERYTHING)
    t.equal(journal.stats().corrupt, 1)
  })

  t.test('pages of bodies of every size', async (t) => {
    const { journal } = open(t)
    const sizes = [0, 1, 31, 32, 255, 256, 65_535, 65_536, 2_000_000, 5]
    await write(
      journal,
      ...sizes.map((size, index) => append('s', index + 1, `${index}`.repeat(size))),
    )
    t.same(
      pagesOf(journal, ranges),
      ranges.map((range) => expectedPage(journal, range)),
    )
  })

  t.test('a session without chunks has an empty page, and no session none', async (t) => {
    const { journal } = open(t)
    t.same(journal.readPage('s', EVERYTHING), { page: encode([]), gaps: [], next: 1 })
    t.throws(() => journal.readPage('a\0', EVERYTHING), { code: 'INVALID_MESSAGE' })
  })
}

function trim(before: number, session = 's'): JournalOperation {
  return { op: 'trim', session, before }
}

function trimContract(t: Test, open: OpenJournal): void {
  t.test('what was trimmed is a gap of retention, and the rest is there', async (t) => {
    const fixture = open(t)
    await write(fixture.journal, ...appendRange(1, 9), append('r', 1), append('t', 1))
    await write(fixture.journal, trim(5))
    const check = (journal: Journal) => {
      t.same(sequences(journal, 's'), [5, 6, 7, 8, 9])
      const gap = { from: 1, to: 4, reason: 'retention' }
      t.same(journal.read('s', EVERYTHING).gaps, [gap])
      const inside = journal.read('s', { ...EVERYTHING, from: 2, to: 3 })
      t.same(inside, { chunks: [], gaps: [{ ...gap, from: 2, to: 3 }], next: 4 })
      t.same([sequences(journal, 'r'), sequences(journal, 't')], [[1], [1]])
    }
    check(fixture.journal)
    check((await fixture.reopen()).journal)
  })

  t.test('the last chunk stays, and with it the head', async (t) => {
    const fixture = open(t)
    await write(fixture.journal, ...appendRange(1, 3))
    await write(fixture.journal, trim(100))
    const { journal } = await fixture.reopen()
    t.same(journal.head('s'), { sequence: 3, producerSequence: 30 })
    t.same(sequences(journal, 's'), [3])
    await write(journal, append('s', 4))
    t.same(sequences(journal, 's'), [3, 4])
  })

  t.test('a trim below the first chunk, or of no session, changes nothing', async (t) => {
    const { journal } = open(t)
    await write(journal, ...appendRange(1, 6))
    await write(journal, trim(4))
    await write(journal, trim(2), trim(1), trim(7, 'nobody'))
    t.same(sequences(journal, 's'), [4, 5, 6])
    t.same(journal.head('nobody'), { sequence: 0, producerSequence: 0 })
  })

  t.test('a trim reaches what the same write appended before it', async (t) => {
    const { journal } = open(t)
    await write(journal, ...appendRange(1, 4), trim(3), append('s', 5))
    t.same(sequences(journal, 's'), [3, 4, 5])
  })

  t.test('trims one after the other and thousands of chunks at a time', async (t) => {
    const fixture = open(t)
    await write(fixture.journal, ...appendRange(1, 3000))
    await write(fixture.journal, trim(1000))
    await Promise.all([
      write(fixture.journal, trim(2000)),
      write(fixture.journal, append('s', 3001)),
      write(fixture.journal, trim(2999)),
    ])
    t.same(sequences(fixture.journal, 's'), [2999, 3000, 3001])
    const { journal } = await fixture.reopen()
    t.same(sequences(journal, 's'), [2999, 3000, 3001])
    t.same(journal.read('s', EVERYTHING).gaps, [{ from: 1, to: 2998, reason: 'retention' }])
  })

  t.test('a session that was trimmed can be dropped and begin again', async (t) => {
    const fixture = open(t)
    await write(fixture.journal, ...appendRange(1, 9))
    await write(fixture.journal, trim(8))
    await write(fixture.journal, { op: 'drop', session: 's' }, append('s', 1, 'anew'))
    const { journal } = await fixture.reopen()
    t.same(sequences(journal, 's'), [1])
    t.same(journal.read('s', EVERYTHING).gaps, [])
  })

  t.test('a full journal can be trimmed', async (t) => {
    const fixture = open(t)
    await write(fixture.journal, ...appendRange(1, 9))
    fixture.setFull(true)
    await write(fixture.journal, trim(9))
    t.same(sequences(fixture.journal, 's'), [9])
  })
}

function tableContract(t: Test, open: OpenJournal): void {
  t.test('every key is listed, also the lowest that there can be', async (t) => {
    const { journal } = open(t)
    const keys = ['\0', '\u0001low', '\u0005', 'a', '\u{10ffff}']
    for (const key of keys) await write(journal, { op: 'put', table: 'state', key, value: key })
    const all = keys.map((key) => ({ key, value: key }))
    t.same([...journal.entries('state')], all)
  })

  t.test('a small record comes back, is replaced and is deleted', async (t) => {
    const { journal } = open(t)
    const value = {
      name: 'ä',
      list: [1, 2.5, null],
      bytes: Buffer.from('raw'),
      deep: { yes: true },
    }
    await write(journal, { op: 'put', table: 'sessions', key: 'k', value })
    t.same(journal.get('sessions', 'k'), value)
    t.equal(journal.get('idempotency', 'k'), undefined)
    await write(journal, { op: 'put', table: 'sessions', key: 'k', value: 2 })
    t.equal(journal.get('sessions', 'k'), 2)
    await write(journal, { op: 'delete', table: 'sessions', key: 'k' })
    t.equal(journal.get('sessions', 'k'), undefined)
  })

  t.test('each table keeps its own records', async (t) => {
    const { journal } = open(t)
    const puts = TABLES.map((table) => ({ op: 'put', table, key: 'k', value: table }) as const)
    await write(journal, ...puts)
    for (const table of TABLES) t.same([...journal.entries(table)], [{ key: 'k', value: table }])
    await write(journal, ...TABLES.map((table) => ({ op: 'delete', table, key: 'k' }) as const))
    for (const table of TABLES) t.same([...journal.entries(table)], [])
  })

  t.test('the entries of a table come in the order of their keys', async (t) => {
    const { journal } = open(t)
    const put = (key: string) => ({ op: 'put', table: 'meta', key, value: key.length }) as const
    await write(journal, put('b'), put('é'), put('aa'), put('a'))
    t.same(
      [...journal.entries('meta')],
      [
        { key: 'a', value: 1 },
        { key: 'aa', value: 2 },
        { key: 'b', value: 1 },
        { key: 'é', value: 1 },
      ],
    )
    t.same([...journal.entries('sessions')], [])
  })

  t.test('what the caller changes after a write is not stored', async (t) => {
    const { journal } = open(t)
    const value = { count: 1 }
    const stored = chunk(1, 'before')
    const done = write(
      journal,
      { op: 'put', table: 'meta', key: 'k', value },
      { op: 'append', session: 's', chunk: stored },
    )
    value.count = 2
    stored.body.fill(0)
    await done
    t.same(journal.get('meta', 'k'), { count: 1 })
    t.equal(journal.read('s', EVERYTHING).chunks[0]?.body.toString(), 'before')
  })
}

function durabilityContract(t: Test, open: OpenJournal): void {
  t.test('nothing is seen before it is durable, and all of it afterwards', async (t) => {
    const { journal } = open(t)
    const done = write(journal, append('s', 1), { op: 'put', table: 'meta', key: 'k', value: 1 })
    t.equal(journal.head('s').sequence, 0)
    t.equal(journal.get('meta', 'k'), undefined)
    await done
    t.equal(journal.head('s').sequence, 1)
    t.equal(journal.get('meta', 'k'), 1)
  })

  t.test('callbacks run in the order of their writes', async (t) => {
    const { journal } = open(t)
    const order: number[] = []
    const writes = [1, 2, 3, 4].map((sequence) =>
      write(journal, append('s', sequence)).then(() => order.push(sequence)),
    )
    await writes[0]
    const later = write(journal, append('s', 5)).then(() => order.push(5))
    await Promise.all([...writes, later])
    t.same(order, [1, 2, 3, 4, 5])
  })

  t.test('an empty write is called back', async (t) => {
    const { journal } = open(t)
    await write(journal)
    t.equal(journal.stats().operations, 0)
  })

  t.test('what was acknowledged is there after a reopen', async (t) => {
    const fixture = open(t)
    await write(fixture.journal, ...appendRange(1, 3))
    await write(fixture.journal, { op: 'put', table: 'meta', key: 'k', value: 'v' })
    const { journal } = await fixture.reopen()
    t.same(sequences(journal, 's'), [1, 2, 3])
    t.same(journal.head('s'), { sequence: 3, producerSequence: 30 })
    t.equal(journal.get('meta', 'k'), 'v')
  })

  t.test('close waits for what was written, and is idempotent', async (t) => {
    const { journal } = open(t)
    const order: string[] = []
    const done = write(journal, append('s', 1)).then(() => order.push('durable'))
    await Promise.all([journal.close(), journal.close()])
    await done
    await journal.close()
    t.same(order, ['durable'])
    t.throws(() => journal.write([append('s', 2)], () => {}), { code: 'STORAGE_FAILED' })
    t.throws(() => journal.read('s', EVERYTHING), { code: 'STORAGE_FAILED' })
  })

  t.test('the figures count what was stored', async (t) => {
    const { journal } = open(t)
    await write(journal, ...appendRange(1, 20))
    const stats = journal.stats()
    t.equal(stats.operations, 20)
    t.equal(stats.commits, 1)
    t.equal(stats.corrupt, 0)
    t.ok(stats.bytes > 0)
  })
}

function failureContract(t: Test, open: OpenJournal): void {
  t.test('an operation that cannot be stored is thrown at the caller', async (t) => {
    const { journal } = open(t)
    const refused = (operation: JournalOperation) =>
      t.throws(() => journal.write([append('s', 1), operation], () => t.fail('called back')), {
        code: 'INVALID_MESSAGE',
      })
    refused(append('', 1))
    refused(append('zero\0byte', 1))
    refused(append('s', 0))
    refused(append('s', 2 ** 48 - 1))
    refused({ op: 'put', table: 'meta', key: 'k'.repeat(501), value: 1 })
    refused({ op: 'put', table: 'meta', key: '', value: 1 })
    refused(trim(0))
    refused(trim(2.5))
    refused(trim(2, ''))
    await write(journal, { op: 'delete', table: 'meta', key: 'absent' })
    t.equal(journal.head('s').sequence, 0)
  })

  t.test('a full journal refuses writes with STORAGE_FULL, serves reads, and heals', async (t) => {
    const fixture = open(t)
    const { journal } = fixture
    await write(journal, append('s', 1))
    fixture.setFull(true)
    await t.rejects(write(journal, append('s', 2), append('s', 3)), { code: 'STORAGE_FULL' })
    t.same(sequences(journal, 's'), [1])
    await write(journal, { op: 'drop', session: 's' })
    fixture.setFull(false)
    await write(journal, append('s', 2))
    t.same(sequences(journal, 's'), [2])
  })

  t.test('a failed write takes those behind it along, except those that free room', async (t) => {
    const fixture = open(t)
    const { journal } = fixture
    await write(journal, { op: 'put', table: 'meta', key: 'k', value: 1 })
    fixture.setFull(true)
    const results = await Promise.allSettled([
      write(journal, append('s', 1)),
      write(journal, { op: 'delete', table: 'meta', key: 'k' }),
      write(journal, append('s', 2)),
    ])
    t.same(
      results.map((result) => result.status),
      ['rejected', 'fulfilled', 'rejected'],
    )
    t.equal(journal.get('meta', 'k'), undefined)
    t.equal(journal.head('s').sequence, 0)
  })
}
