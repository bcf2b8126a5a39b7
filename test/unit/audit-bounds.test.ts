/** What happens at the limits of the audit log: too many kinds of refusals, and too much that waits for room. */
import t from 'tap'
import { Audit, MAX_HELD } from '../../broker/core/audit/audit.ts'
import type { Entry } from '../../broker/core/audit/entry.ts'
import { Refusals } from '../../broker/core/audit/refusals.ts'
import type { Operation } from '../../broker/core/events.ts'
import { SEVERAL } from '../../protocol/messages/audit.ts'

const LIMITS = { windowMs: 1000, maxKinds: 2, maxPrincipals: 3 }

const refused = (principal: string, method: string, outcome = 'FORBIDDEN'): Entry => ({
  ...{ principal, method, outcome, executed: 'no', session: 's', target: 't' },
})

/** Takes refusals at a time of the test's, and says which of them come first. */
function taker(refusals: Refusals) {
  return (entry: Entry, now: number): boolean => refusals.isFirst(entry, { now, wall: now + 5000 })
}

t.test('the first of a kind is told, the others are counted until its window is over', (t) => {
  const refusals = new Refusals(LIMITS)
  const take = taker(refusals)
  t.ok(take(refused('a', 'm'), 0))
  t.notOk(take(refused('a', 'm'), 10))
  t.notOk(take(refused('a', 'm'), 999))
  t.ok(take(refused('a', 'm', 'CONFLICT'), 20), 'another code is another kind')
  t.ok(take(refused('b', 'm'), 500))
  t.same(refusals.due(999), [])
  t.same(refusals.due(1000), [
    { principal: 'a', method: 'm', outcome: 'FORBIDDEN', executed: 'no', count: 2, since: 5010 },
  ])
  t.ok(take(refused('a', 'm'), 1001))
  t.same(refusals.all(), [], 'nothing is left that was not told')
  t.equal(refusals.counted, 2)
  t.end()
})

t.test('a principal with too many kinds is told by one count', (t) => {
  const refusals = new Refusals(LIMITS)
  const take = taker(refusals)
  t.ok(take(refused('a', 'm1'), 0))
  t.ok(take(refused('a', 'm2'), 0))
  for (let n = 3; n < 100; n += 1) t.notOk(take(refused('a', `m${n}`), n))
  t.notOk(take(refused('a', 'm1'), 200))
  t.ok(take(refused('b', 'm3'), 200), 'others are told as before')
  t.same(refusals.due(5000), [
    { principal: 'a', method: 'm1', outcome: 'FORBIDDEN', executed: 'no', count: 1, since: 5200 },
    {
      ...{ principal: 'a', method: SEVERAL, outcome: SEVERAL, executed: 'no' },
      ...{ count: 97, since: 5003 },
    },
  ])
  t.end()
})

t.test('too many principals are told by one count, without their names', (t) => {
  const refusals = new Refusals(LIMITS)
  const take = taker(refusals)
  for (const name of ['a', 'b', 'c']) t.ok(take(refused(name, 'm'), 0))
  for (let n = 0; n < 10_000; n += 1) t.notOk(take(refused(`p${n}`, 'm'), 1))
  t.same(refusals.all(), [
    {
      ...{ principal: SEVERAL, method: SEVERAL, outcome: SEVERAL, executed: 'no' },
      ...{ count: 10_000, since: 5001 },
    },
  ])
  t.ok(take(refused('d', 'm'), 2), 'there is room again')
  t.end()
})

/** An audit log over a disk that the test fills and empties. */
function stage() {
  const stored: Entry[] = []
  let now = 0
  let failure: Error | undefined
  const disk = { isFull: false, tries: 0 }
  const audit = new Audit({
    clock: { now: () => now, wall: () => now },
    failure: () => failure,
    add: (operations: readonly Operation[], settled) => {
      disk.tries += 1
      failure = disk.isFull ? new Error('full') : undefined
      if (!failure) for (const one of operations) if (one.op === 'audit') stored.push(one.entry)
      settled(failure)
    },
  })
  const pass = (ms: number): void => {
    now += ms
    audit.tick()
  }
  return { audit, stored, disk, pass }
}

t.test('what finds no room waits, bounded, and what is lost is told', (t) => {
  const { audit, stored, disk, pass } = stage()
  disk.isFull = true
  for (let n = 0; n < MAX_HELD + 7; n += 1) audit.note({ event: 'network.opened', target: `${n}` })
  t.same([audit.waiting, audit.lost, audit.written], [MAX_HELD, 7, 0])
  pass(1000)
  t.equal(audit.waiting, MAX_HELD, 'the disk is still full')
  disk.isFull = false
  for (let n = 0; audit.waiting > 0 && n < 1000; n += 1) pass(1000)
  t.equal(stored.length, MAX_HELD + 1)
  const told = stored.filter(({ method }) => method === 'network.opened')
  t.same(
    told.map(({ target }) => target),
    Array.from({ length: MAX_HELD }, (_, index) => `${index}`),
    'in their order',
  )
  t.match(
    stored.find(({ method }) => method === 'audit.lost'),
    { count: 7, principal: '' },
  )
  t.same([audit.lost, audit.written], [7, MAX_HELD + 1])
  t.end()
})

t.test(
  'while nothing can be written, a record is tried once a second and not with each call',
  (t) => {
    const { audit, disk, pass } = stage()
    disk.isFull = true
    audit.note({ event: 'network.opened' })
    disk.tries = 0
    for (let n = 0; n < 100; n += 1) audit.note({ event: 'network.opened' })
    t.equal(disk.tries, 0)
    for (let n = 0; n < 100; n += 1) pass(50)
    t.ok(disk.tries >= 4 && disk.tries <= 6, `${disk.tries} tries in 5 s`)
    t.equal(audit.waiting, 101)
    t.end()
  },
)

t.test('the end of a call is told to its caller, also when its record has to wait', (t) => {
  const { audit, stored, disk, pass } = stage()
  const asked = { principal: 'a', method: 'state.set' }
  const also = { op: 'put', table: 'state', key: 'k', value: 1 } as const
  let told = 0
  const tell = (): void => {
    told += 1
  }
  disk.isFull = true
  audit.ended(asked, { state: 'replied' }, () => [also], tell)
  audit.endedUnwritten(asked, { state: 'replied' }, tell)
  t.same([told, audit.waiting, stored.length], [2, 2, 0])
  disk.isFull = false
  pass(1000)
  t.same([audit.waiting, stored.length], [0, 2])
  t.end()
})
