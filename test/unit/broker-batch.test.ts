/** Commits of the broker: what shares one, what waits for the next, and for how long. */
import t from 'tap'
import { Batch, type CommitLimits } from '../../broker/core/batch.ts'
import type { Durable, JournalOperation } from '../../broker/journal/journal.ts'
import { MemoryJournal } from '../support/memory-journal.ts'

/** A journal that keeps what it is given until the test says that it is on disk. */
class HeldJournal extends MemoryJournal {
  readonly writes: { readonly size: number; readonly done: Durable }[] = []

  override write(operations: readonly JournalOperation[], done: Durable): void {
    this.writes.push({ size: operations.length, done })
  }
}

function setUp(limits: Partial<CommitLimits> = {}) {
  const journal = new HeldJournal({ durability: 'manual' })
  const settled: string[] = []
  const clock = { now: 0 }
  const batch = new Batch({
    journal,
    now: () => clock.now,
    limits: { maxCommitOperations: 10, maxCommitBytes: 1000, commitDelayMs: 0, ...limits },
    seal: (operations) => ({
      operations: operations.filter((one): one is JournalOperation => one.op !== 'event'),
      publish: () => {},
    }),
    onWritten: () => {},
    onSettled: () => {},
    onFailure: (sessions) => settled.push(`rewound ${[...sessions].join(' ')}`),
    onDefect: (thrown) => t.fail(String(thrown)),
  })
  const add = (name: string, ...operations: JournalOperation[]): void =>
    batch.add(operations, (error) => settled.push(error ? `${name} failed` : name))
  const sizes = () => journal.writes.map(({ size }) => size)
  const commit = (error?: Error): void => journal.writes.at(-1)?.done(error)
  return { journal, batch, settled, clock, add, sizes, commit }
}

const put = (key: string): JournalOperation => ({ op: 'put', table: 'meta', key, value: 1 })
const append = (bytes: number): JournalOperation => ({
  op: 'append',
  session: 's',
  chunk: {
    ...{ sequence: 1, producerSequence: 1, time: 0, turn: 0, type: 2 },
    body: Buffer.alloc(bytes),
  },
})

t.test('what comes while a commit is under way shares the next one', (t) => {
  const { batch, add, sizes, commit, settled } = setUp()
  add('a', put('a'))
  batch.flush()
  for (const name of ['b', 'c']) {
    add(name, put(name))
    batch.flush()
  }
  t.strictSame(sizes(), [1])
  commit()
  t.strictSame(sizes(), [1, 2])
  commit()
  t.strictSame(settled, ['a', 'b', 'c'])
  t.equal(batch.isIdle, true)
  t.end()
})

t.test('a commit ends at its limits, and what was added together stays together', (t) => {
  const { batch, add, sizes, commit, settled } = setUp({ maxCommitOperations: 4 })
  for (const name of ['a', 'b', 'c']) add(name, put(`${name}1`), put(`${name}2`))
  add('large', put('1'), put('2'), put('3'), put('4'), put('5'))
  batch.flush()
  while (!batch.isIdle) commit()
  t.strictSame(sizes(), [4, 2, 5])
  t.strictSame(settled, ['a', 'b', 'c', 'large'])
  const bytes = setUp({ maxCommitBytes: 100 })
  for (const name of ['a', 'b', 'c']) bytes.add(name, append(60))
  bytes.batch.flush()
  while (!bytes.batch.isIdle) bytes.commit()
  t.strictSame(bytes.sizes(), [1, 1, 1])
  const records = setUp({ maxCommitBytes: 100 })
  const value = { json: 'x'.repeat(60) }
  for (const key of ['a', 'b', 'c']) records.add(key, { op: 'put', table: 'state', key, value })
  records.batch.flush()
  while (!records.batch.isIdle) records.commit()
  t.strictSame(records.sizes(), [1, 1, 1], 'records count as well')
  t.end()
})

t.test('an idle journal waits for the delay, but not once a commit is full', (t) => {
  const { batch, add, sizes, commit, clock } = setUp({ commitDelayMs: 5, maxCommitOperations: 3 })
  add('a', put('a'))
  batch.flush()
  t.strictSame(sizes(), [])
  clock.now = 3
  add('b', put('b'))
  batch.flush()
  t.equal(batch.dueInMs, 2, 'counted from the first of them')
  clock.now = 5
  batch.flush()
  t.strictSame(sizes(), [2])
  t.equal(batch.dueInMs, undefined, 'a commit is under way')
  for (const name of ['c', 'd', 'e', 'f']) add(name, put(name))
  commit()
  t.strictSame(sizes(), [2, 3], 'full')
  commit()
  t.strictSame(sizes(), [2, 3, 1], 'what is left has waited for a commit already')
  t.end()
})

t.test('what frees room is written behind all that was added before it', (t) => {
  const { batch, add, sizes, commit } = setUp({ maxCommitOperations: 1, commitDelayMs: 5 })
  add('a', put('a'))
  add('b', put('b'))
  batch.free([put('x'), put('y')], () => {})
  batch.flush()
  t.strictSame(sizes(), [1])
  commit()
  t.strictSame(sizes(), [1, 1, 2])
  t.end()
})

t.test('a commit that fails fails what waits behind it', (t) => {
  const { batch, add, commit, settled } = setUp({ maxCommitOperations: 1 })
  add('a', append(1))
  add('b', put('b'))
  batch.flush()
  commit(new Error('no room'))
  t.strictSame(settled, ['rewound s', 'a failed', 'b failed'])
  add('c', put('c'))
  batch.flush()
  commit()
  t.equal(settled.at(-1), 'c')
  t.equal(batch.failure, undefined)
  t.end()
})
