/** task.*: the life of a task, its versions, lists, limits, and what is left after a crash. */
import t from 'tap'
import { CoreHarness, EPOCH_MS, type HarnessOptions } from '../support/core-harness.ts'
import { Client } from '../support/core-peers.ts'
import { eventsOf } from '../support/events.ts'

function setUp(options: HarnessOptions = {}) {
  const harness = new CoreHarness(options)
  const client = new Client(harness)
  harness.settle()
  return { harness, client }
}

const NOBODY = '00000000-0000-4000-8000-000000000000'

t.test('a task is created, changed, approved, refused and removed, and each is told', (t) => {
  const { harness, client } = setUp()
  const created = client.call('task.create', {
    ...{ title: 'paint it', description: 'all of it', assigned_to: 'anna', priority: 5 },
    metadata: { color: 'blue', size: { x: 1, y: 2 } },
  })
  const { task } = created
  t.match(created, { status: 'todo', version: 1, owner: 'local', created_at: EPOCH_MS })
  t.same(client.call('task.get', { task }), created)
  harness.advance(1500)
  const changed = client.call('task.update', {
    ...{ task, title: 'paint all', status: 'done', assigned_to: '' },
    metadata: { color: null, size: { y: 3 }, by: 'hand' },
  })
  t.same(changed, {
    ...created,
    ...{ title: 'paint all', status: 'done', assigned_to: '', version: 2 },
    updated_at: EPOCH_MS + 1500,
    metadata: { size: { x: 1, y: 3 }, by: 'hand' },
  })
  const approved = client.call('task.approve', { task, approved: true })
  const approval_timestamp = EPOCH_MS / 1000 + 1
  t.match(approved, {
    status: 'in_progress',
    metadata: { approved: true, approval_timestamp, by: 'hand' },
  })
  t.match(client.call('task.approve', { task, approved: false }), {
    status: 'blocked',
    metadata: { approved: false },
    version: 4,
  })
  t.same(client.call('task.remove', { task: task.slice(0, 8) }), { task, title: 'paint all' })
  t.match(client.failure('task.get', { task }), { code: 'NO_SUCH_TASK', details: { task } })
  const told = eventsOf(harness).filter(({ topic }) => topic === 'task')
  t.match(told, [
    { event: 'created', id: task, data: { task, title: 'paint it', status: 'todo', version: 1 } },
    { event: 'updated', data: { task, previous_status: 'todo', status: 'done', version: 2 } },
    { event: 'updated', data: { previous_status: 'done', status: 'in_progress' } },
    { event: 'updated', data: { previous_status: 'in_progress', status: 'blocked' } },
    { event: 'removed', data: { task, version: 4 } },
  ])
  t.equal(told.length, 5)
  t.end()
})

t.test('tasks are listed by their last change, filtered, in pages, also after a restart', (t) => {
  const { harness, client } = setUp()
  const [a, b, c] = ['a', 'b', 'c'].map((title) => client.call('task.create', { title }).task)
  client.call('task.update', { task: b ?? '', assigned_to: 'anna' })
  harness.jump(-3_600_000)
  client.call('task.update', { task: a ?? '', status: 'blocked' })
  t.ok(c)
  for (const open of [() => client, () => new Client(harness.restart())]) {
    const reader = open()
    const titles = (params: object) =>
      reader.call('task.list', params).tasks.map(({ title }) => title)
    t.same(titles({}), ['a', 'b', 'c'], 'clocks may go back, changes do not')
    t.same(titles({ status: ['todo'] }), ['b', 'c'])
    t.same(titles({ status: ['blocked', 'done'] }), ['a'])
    t.same(titles({ assigned_to: 'anna' }), ['b'])
    t.same(titles({ assigned_to: '' }), ['a', 'c'])
    t.same(titles({ offset: 1, limit: 1 }), ['b'])
    t.match(reader.call('task.list', { offset: 3 }), { tasks: [], total: 3 })
    t.match(reader.call('task.list', { status: ['todo'], limit: 1 }), { total: 2 })
  }
  t.end()
})

t.test('a reference is an id or the beginning of one', (t) => {
  const { client } = setUp()
  const tasks = Array.from({ length: 40 }, () => client.call('task.create', { title: 'x' }).task)
  const [first = ''] = tasks
  t.equal(client.call('task.get', { task: first.slice(0, 12) }).task, first)
  t.match(client.failure('task.get', { task: first.slice(0, 3) }), { code: 'NO_SUCH_TASK' })
  for (const method of ['task.get', 'task.update', 'task.remove'] as const) {
    t.match(client.failure(method, { task: NOBODY }), { code: 'NO_SUCH_TASK', executed: 'no' })
  }
  t.match(client.failure('task.approve', { task: NOBODY, approved: true }), {
    code: 'NO_SUCH_TASK',
  })
  t.end()
})

t.test('of two changes of the same version one is made, also before it is on disk', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const created = client.ask('task.create', { title: 'x' })
  harness.settle()
  const { task } = client.resultOf('task.create', created)
  const first = client.ask('task.update', { task, status: 'done', version: 1 })
  const second = client.ask('task.update', { task, status: 'blocked', version: 1 })
  const third = client.ask('task.update', { task, priority: 2, version: 2 })
  const read = client.ask('task.get', { task })
  t.equal(client.hasEnd(second), false, 'the first may fall back')
  harness.settle()
  t.match(client.resultOf('task.update', first), { status: 'done', version: 2 })
  t.match(client.errorOf(second), {
    code: 'VERSION_CONFLICT',
    details: { key: task, version: 3, expected: 1 },
  })
  t.match(client.resultOf('task.update', third), { status: 'done', priority: 2, version: 3 })
  t.match(client.resultOf('task.get', read), { version: 3 })
  t.end()
})

t.test('what could not be written was not done, and nothing is left of it', (t) => {
  const { harness, client } = setUp()
  const { task } = client.call('task.create', { title: 'x' })
  harness.journal.isFull = true
  t.match(client.failure('task.update', { task, title: 'y' }), { code: 'STORAGE_FULL' })
  t.match(client.failure('task.remove', { task }), { code: 'STORAGE_FULL' })
  t.match(client.failure('task.create', { title: 'z' }), { code: 'STORAGE_FULL' })
  harness.journal.isFull = false
  t.match(client.call('task.list', {}), { tasks: [{ title: 'x', version: 1 }], total: 1 })
  t.match(client.call('task.update', { task, title: 'y', version: 1 }), { version: 2 })
  t.end()
})

t.test(
  'a task that is being removed can be changed when the removal fails, and else is gone',
  (t) => {
    const { harness, client } = setUp({ durability: 'manual' })
    const created = client.ask('task.create', { title: 'x' })
    harness.settle()
    const { task } = client.resultOf('task.create', created)
    client.ask('task.remove', { task })
    const update = client.ask('task.update', { task, title: 'y' })
    harness.settle()
    t.match(client.errorOf(update), { code: 'NO_SUCH_TASK' })
    t.end()
  },
)

t.test('a repeat of a creation makes no second task, also by a broker that was killed', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  client.ask('task.create', { title: 'x' }, { key: 'k' })
  harness.commit()
  const later = harness.restart()
  later.settle()
  const again = new Client(later)
  const repeat = again.ask('task.create', { title: 'x' }, { key: 'k' })
  later.settle()
  const { task } = again.resultOf('task.create', repeat)
  const list = again.ask('task.list', {})
  t.match(again.resultOf('task.list', list), { tasks: [{ task, version: 1 }], total: 1 })
  t.end()
})

t.test('a full list takes no more, and what frees room goes on', (t) => {
  const { client } = setUp({ limits: { tasks: { maxRecords: 2, maxBytes: 200 } } })
  const create = (title: string) => client.ask('task.create', { title })
  const { task } = client.resultOf('task.create', create('a'))
  create('b')
  t.match(client.errorOf(create('c')), { code: 'LIMIT_REACHED', details: { limit: '2 entries' } })
  const long = client.failure('task.update', { task, description: 'x'.repeat(200) })
  t.match(long, { code: 'LIMIT_REACHED', details: { limit: '200 bytes' } })
  client.call('task.remove', { task })
  t.match(client.resultOf('task.create', create('c')), { title: 'c' })
  t.end()
})

t.test('metadata that is no JSON, or too large after a merge, is refused', (t) => {
  const { client } = setUp()
  const { task } = client.call('task.create', { title: 'x', metadata: { a: 'x'.repeat(9000) } })
  const grown = client.failure('task.update', { task, metadata: { b: 'x'.repeat(9000) } })
  t.match(grown, { code: 'INVALID_PARAMS', message: /more than 16384/ })
  const odd = client.failure('task.create', { title: 'x', metadata: { a: Number.NaN } })
  t.match(odd, { code: 'INVALID_PARAMS', message: /\/metadata\/a/ })
  t.match(client.call('task.get', { task }), { version: 1 })
  t.end()
})

t.test('a page of large tasks is cut, and the next one goes on', (t) => {
  const { client } = setUp()
  const description = 'x'.repeat(60_000)
  for (const title of ['1', '2', '3', '4', '5', '6'])
    client.call('task.create', { title, description })
  const first = client.call('task.list', {})
  t.same([first.tasks.length, first.total], [4, 6])
  t.match(client.call('task.list', { offset: 4 }).tasks, [{ title: '2' }, { title: '1' }])
  t.end()
})
