/** One principal fills no table: shares of state, tasks, sessions, workflows and questions, and whose keys go. */
import fc from 'fast-check'
import t from 'tap'
import { APPROVAL_LIMITS } from '../../broker/core/approvals.ts'
import { Idempotency, type KeyRecord } from '../../broker/core/idempotency.ts'
import { fairShare, Shares } from '../../broker/core/shares.ts'
import { WORKFLOW_LIMITS } from '../../broker/core/workflows/limits.ts'
import type { CoreHarness, HarnessOptions } from '../support/core-harness.ts'
import { Client, demo, setUp } from '../support/core-peers.ts'
import { MemoryJournal } from '../support/memory-journal.ts'

function stage(limits: HarnessOptions['limits'] = {}) {
  const { harness, host, client } = setUp({ limits: { sharePercent: 25, ...limits } })
  const reached = () => harness.core.tally.limitsReached.get('share') ?? 0
  return { harness, host, local: client, reached, ...people(harness) }
}

function people(harness: CoreHarness) {
  const person = (name: string) =>
    new Client(harness, name, ['operator'], { key: `key of ${name}` })
  return { person, anna: person('anna'), bob: person('bob') }
}

t.test('a principal sets so many keys of the state, others theirs', (t) => {
  const { anna, bob, local, reached } = stage({ state: { maxRecords: 8, maxBytes: 10_000 } })
  const set = (client: Client, key: string, value: unknown = 1) =>
    client.ask('state.set', { key, value })
  for (const key of ['a1', 'a2']) t.ok(anna.hasEnd(set(anna, key)))
  t.match(anna.errorOf(set(anna, 'a3')), {
    code: 'LIMIT_REACHED',
    details: { what: 'the share of anna of the state', limit: '2 entries or 2500 bytes' },
  })
  t.equal(reached(), 1)
  t.match(anna.resultOf('state.set', set(anna, 'a1', 2)), { version: 2 }, 'what it has may change')
  for (const key of ['b1', 'b2']) t.ok(bob.hasEnd(set(bob, key)))
  anna.call('state.delete', { key: 'a2' })
  t.ok(anna.resultOf('state.set', set(anna, 'a3')), 'once there is room')
  for (const key of ['l1', 'l2', 'l3', 'l4']) t.ok(local.hasEnd(set(local, key)))
  t.match(local.errorOf(set(local, 'l5')), { code: 'LIMIT_REACHED' }, 'now it is full')
  t.end()
})

t.test('the share counts bytes as well, and what somebody else has written before', (t) => {
  const { anna, bob } = stage({ state: { maxRecords: 100, maxBytes: 4000 } })
  bob.call('state.set', { key: 'b', value: 'x'.repeat(100) })
  anna.call('state.set', { key: 'a', value: 'x'.repeat(600) })
  const replace = anna.failure('state.set', { key: 'b', value: 'x'.repeat(500) })
  t.match(replace, { code: 'LIMIT_REACHED' })
  anna.call('state.set', { key: 'b', value: 'x'.repeat(200) })
  bob.call('state.set', { key: 'b2', value: 'x'.repeat(900) })
  t.pass('what anna wrote over it is hers')
  t.end()
})

t.test('all principals together leave a quarter to the users of this machine', (t) => {
  const { harness, person, local } = stage({ state: { maxRecords: 8, maxBytes: 10_000 } })
  for (const name of ['anna', 'bob', 'carl']) {
    const client = person(name)
    for (const key of ['1', '2']) client.call('state.set', { key: `${name}${key}`, value: 1 })
  }
  const late = person('dora').failure('state.set', { key: 'd', value: 1 })
  t.match(late, { code: 'LIMIT_REACHED' })
  for (const key of ['l1', 'l2']) local.call('state.set', { key, value: 1 })
  t.equal(harness.core.state.size, 8)
  t.end()
})

t.test('shares survive a restart, and a write that fails', (t) => {
  const { harness, anna } = stage({ state: { maxRecords: 8, maxBytes: 10_000 } })
  for (const key of ['a1', 'a2']) anna.call('state.set', { key, value: 1 })
  const next = harness.restart()
  const again = new Client(next, 'anna', ['operator'], { key: 'k' })
  t.match(again.failure('state.set', { key: 'a3', value: 1 }), { code: 'LIMIT_REACHED' })
  again.call('state.delete', { key: 'a1' })
  next.journal.refusesAll = true
  t.match(again.failure('state.set', { key: 'a3', value: 1 }), { executed: 'no' })
  next.journal.refusesAll = false
  t.match(again.call('state.set', { key: 'a4', value: 1 }), {}, 'what failed takes no room')
  t.match(again.failure('state.set', { key: 'a5', value: 1 }), { code: 'LIMIT_REACHED' })
  t.end()
})

t.test('a principal creates so many tasks', (t) => {
  const { anna, bob } = stage({ tasks: { maxRecords: 8, maxBytes: 100_000 } })
  const tasks = ['1', '2'].map((title) => anna.call('task.create', { title }).task)
  t.match(anna.failure('task.create', { title: '3' }), {
    code: 'LIMIT_REACHED',
    details: { what: 'the share of anna of the list of tasks' },
  })
  t.match(bob.call('task.create', { title: '1' }), {})
  t.match(bob.call('task.update', { task: tasks[0] ?? '', title: 'of anna' }), { owner: 'anna' })
  anna.call('task.remove', { task: tasks[0] ?? '' })
  t.match(anna.call('task.create', { title: '3' }), {})
  t.end()
})

t.test('a principal keeps so many sessions, ended ones included', (t) => {
  const { anna, bob, host } = stage({ maxSessions: 8 })
  const sessions = [1, 2].map(() => anna.call('session.create', demo).session)
  t.match(anna.failure('session.create', demo), {
    code: 'TOO_MANY_SESSIONS',
    executed: 'no',
    message: 'anna keeps its share of 2 sessions already, ended ones included',
    details: { limit: 2 },
  })
  t.match(bob.call('session.create', demo), {})
  const [first = ''] = sessions
  host.exit(first, 0)
  t.match(anna.failure('session.create', demo), { code: 'TOO_MANY_SESSIONS' })
  anna.call('session.remove', { session: first })
  t.match(anna.call('session.create', demo), {})
  t.end()
})

t.test('a principal runs so many workflows', (t) => {
  const { anna, bob } = stage({ workflows: { ...WORKFLOW_LIMITS, maxRunning: 8 } })
  const steps = [{ id: 'a', prompt: 'x', start: demo }]
  const executions = [1, 2].map(() => anna.call('workflow.execute', { steps }).execution)
  t.match(anna.failure('workflow.execute', { steps }), {
    code: 'TOO_MANY_WORKFLOWS',
    message: 'anna has its share of 2 workflow executions that have not ended',
  })
  t.match(bob.call('workflow.execute', { steps }), {})
  anna.call('workflow.cancel', { execution: executions[0] ?? '' })
  t.match(anna.call('workflow.execute', { steps }), {})
  t.end()
})

t.test('workflows that ended go of whoever has most of them', (t) => {
  const { harness, anna, bob } = stage({ workflows: { ...WORKFLOW_LIMITS, maxEnded: 6 } })
  const run = (client: Client) => {
    const steps = [{ id: 'a', prompt: 'x', session: 'none' }]
    const { execution } = client.call('workflow.execute', { steps })
    harness.advance(100)
    return execution
  }
  const first = run(bob)
  const many = Array.from({ length: 10 }, () => run(anna))
  harness.advance(1100)
  t.match(bob.call('workflow.get', { execution: first }), { status: 'failed' })
  t.match(anna.failure('workflow.get', { execution: many[4] ?? '' }), { code: 'NO_SUCH_WORKFLOW' })
  t.match(anna.call('workflow.get', { execution: many[5] ?? '' }), {})
  t.end()
})

t.test('questions of the sessions of one owner are denied when they are too many', (t) => {
  const { anna, bob, host } = stage({ ...APPROVAL_LIMITS, maxPending: 8 })
  const ask = (client: Client, name: string) =>
    host.askApproval(client.call('session.create', demo).session, name)
  const waiting = () => anna.call('approval.list', { state: ['pending'] }).approvals.length
  for (const name of ['a1', 'a2', 'b1']) ask(name.startsWith('a') ? anna : bob, name)
  t.equal(waiting(), 3)
  ask(anna, 'a3')
  t.equal(waiting(), 3, 'denied at once')
  ask(bob, 'b2')
  t.equal(waiting(), 4)
  t.end()
})

const record = (at: number, state: 'replied' | 'running' = 'replied', bytes = 0): KeyRecord => {
  const outcome = state === 'replied' ? { state, body: Buffer.alloc(bytes) } : { state }
  return { method: 'm', hash: '', at, outcome }
}

t.test('the keys of one principal push out those of nobody who has fewer', (t) => {
  const limits = { windowMs: 1e9, maxKeys: 10, maxBytes: 1e9 }
  const keys = new Idempotency(new MemoryJournal({ durability: 'manual' }), limits)
  for (const name of ['b1', 'b2']) keys.set(`bob\n${name}`, record(0))
  for (let count = 0; count < 100; count += 1) {
    keys.set(`anna\na${count}`, record(1))
    keys.expire(2)
  }
  t.equal(keys.size, 10)
  t.ok(keys.get('bob\nb1') && keys.get('bob\nb2'), 'older than all of hers')
  t.notOk(keys.get('anna\na91'))
  t.ok(keys.get('anna\na92'))
  t.end()
})

t.test('the answers of one principal take the memory of nobody else', (t) => {
  const limits = { windowMs: 1e9, maxKeys: 1e9, maxBytes: 1000 }
  const keys = new Idempotency(new MemoryJournal({ durability: 'manual' }), limits)
  keys.set('bob\nb', record(0, 'replied', 100))
  for (let count = 0; count < 5; count += 1) {
    keys.set(`anna\na${count}`, record(1, 'replied', 400))
    keys.expire(2)
  }
  t.ok(keys.get('bob\nb'))
  t.equal(keys.size, 3, 'hers of 800 bytes')
  t.end()
})

t.test('a key that is under way is never dropped, whoever has too many', (t) => {
  const limits = { windowMs: 1e9, maxKeys: 2, maxBytes: 1e9 }
  const keys = new Idempotency(new MemoryJournal({ durability: 'manual' }), limits)
  for (let count = 0; count < 5; count += 1) keys.set(`anna\n${count}`, record(0, 'running'))
  keys.set('anna\nx', record(0))
  t.equal(keys.expire(1).length, 1)
  t.equal(keys.size, 5)
  t.end()
})

t.test('no more is kept than there may be, and whoever has less loses nothing', (t) => {
  const sizes = fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 5000 }), (all, limit) => {
      const most = fairShare(all, limit)
      const kept = all.map((size) => Math.min(size, most))
      const sum = kept.reduce((total, size) => total + size, 0)
      const fits = all.reduce((total, size) => total + size, 0) <= limit
      if (fits) return most === Number.POSITIVE_INFINITY || Math.max(...all) <= most
      // Nothing is given away either: a bit more for each would be too much.
      const more = all.map((size) => Math.min(size, most + 1))
      return sum <= limit && more.reduce((total, size) => total + size, 0) > limit - 1
    }),
  )
  t.end()
})

t.test('with a share of everything anybody may have all of it', (t) => {
  const shares = new Shares({ percent: 100, onLimit: () => t.fail('no limit') })
  shares.add('anna', { records: 9, bytes: 9 })
  t.notOk(shares.isOver('anna', { records: 1, bytes: 1 }, { records: 10, bytes: 10 }))
  t.end()
})

t.test('a share is never nothing', (t) => {
  const shares = new Shares({ percent: 1, onLimit: () => {} })
  t.same(shares.limitOf({ records: 10, bytes: 10 }), { records: 1, bytes: 1 })
  t.end()
})
