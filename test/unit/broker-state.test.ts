/** state.*: compare-and-set while writes are on their way, what falls back, versions that never come again. */
import fc from 'fast-check'
import t from 'tap'
import type { HarnessOptions } from '../support/core-harness.ts'
import { CoreHarness } from '../support/core-harness.ts'
import { Client } from '../support/core-peers.ts'
import { eventsOf } from '../support/events.ts'

function setUp(options: HarnessOptions = {}) {
  const harness = new CoreHarness(options)
  const client = new Client(harness)
  harness.settle()
  return { harness, client }
}

const KEY = 'color'

t.test('a key is set, read, set again and deleted, and each change is told', (t) => {
  const { harness, client } = setUp()
  const value = { name: 'blue', rgb: [0, 0, 255], nothing: null, '': 'é' }
  t.same(client.call('state.set', { key: KEY, value }), { key: KEY, version: 1 })
  t.match(client.call('state.get', { key: KEY }), { key: KEY, value, version: 1 })
  harness.advance(100)
  t.same(client.call('state.set', { key: KEY, value: 7 }), { key: KEY, version: 2 })
  const read = client.call('state.get', { key: KEY })
  t.match(read, { value: 7, version: 2, updated_at: harness.core.clock.wall() })
  t.same(client.call('state.delete', { key: KEY }), { key: KEY, deleted: true })
  t.same(client.call('state.delete', { key: KEY }), { key: KEY, deleted: false })
  t.match(client.failure('state.get', { key: KEY }), { code: 'NO_SUCH_KEY', details: { key: KEY } })
  const told = eventsOf(harness).filter(({ topic }) => topic === 'state')
  t.match(told, [
    { event: 'created', id: KEY, data: { key: KEY, version: 1 } },
    { event: 'updated', id: KEY, data: { key: KEY, version: 2 } },
    { event: 'deleted', id: KEY, data: { key: KEY, version: 2 } },
  ])
  t.equal(told.length, 3, 'nothing was deleted the second time')
  t.end()
})

t.test('a change with an expectation is made when it fits, and else says what is there', (t) => {
  const { client } = setUp()
  const set = (version: number) => ({ key: KEY, value: version, version })
  t.match(client.failure('state.set', set(3)), {
    code: 'VERSION_CONFLICT',
    executed: 'no',
    details: { key: KEY, version: 0, expected: 3 },
  })
  t.same(client.call('state.set', set(0)), { key: KEY, version: 1 })
  t.match(client.failure('state.set', set(0)), {
    code: 'VERSION_CONFLICT',
    details: { version: 1 },
  })
  t.same(client.call('state.set', set(1)), { key: KEY, version: 2 })
  const old = client.failure('state.delete', { key: KEY, version: 1 })
  t.match(old, { code: 'VERSION_CONFLICT', details: { version: 2 } })
  t.match(client.call('state.delete', { key: KEY, version: 2 }), { deleted: true })
  const gone = client.failure('state.delete', { key: KEY, version: 2 })
  t.match(gone, { code: 'VERSION_CONFLICT', details: { version: 0 } })
  t.end()
})

t.test('of two with the same expectation one wins, also before the first is on disk', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const other = new Client(harness)
  harness.settle()
  const first = client.ask('state.set', { key: KEY, value: 1, version: 0 })
  const second = other.ask('state.set', { key: KEY, value: 2, version: 0 })
  t.same([client.kindsOf(first), other.kindsOf(second)], [[], []], 'nobody is told too soon')
  harness.settle()
  t.same(client.resultOf('state.set', first), { key: KEY, version: 1 })
  t.match(other.errorOf(second), { code: 'VERSION_CONFLICT', details: { version: 1 } })
  t.end()
})

t.test('a chain of changes that are not on disk yet is decided in its order', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const ids = [0, 1, 2].map((version) =>
    client.ask('state.set', { key: KEY, value: version, version }),
  )
  const removal = client.ask('state.delete', { key: KEY, version: 3 })
  const last = client.ask('state.set', { key: KEY, value: 'new', version: 0 })
  harness.settle()
  const versions = ids.map((id) => client.resultOf('state.set', id).version)
  t.same(versions, [1, 2, 3])
  t.match(client.resultOf('state.delete', removal), { deleted: true })
  t.same(client.resultOf('state.set', last), { key: KEY, version: 4 }, 'never a version it has had')
  t.end()
})

t.test('a write that fails falls back, and who waited for it is told of the disk', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  client.ask('state.set', { key: KEY, value: 'old' })
  harness.settle()
  harness.journal.isFull = true
  const first = client.ask('state.set', { key: KEY, value: 'new', version: 1 })
  const second = client.ask('state.set', { key: KEY, value: 'newer', version: 1 })
  const removal = client.ask('state.delete', { key: KEY })
  harness.settle()
  t.match(client.errorOf(first), { code: 'STORAGE_FULL', executed: 'no' })
  t.match(client.errorOf(second), { code: 'STORAGE_FULL', executed: 'no' })
  t.match(client.errorOf(removal), { code: 'STORAGE_FULL', executed: 'no' })
  harness.journal.isFull = false
  const read = client.ask('state.get', { key: KEY })
  t.match(client.resultOf('state.get', read), { value: 'old', version: 1 })
  const again = client.ask('state.set', { key: KEY, value: 'new', version: 1 })
  harness.settle()
  t.same(client.resultOf('state.set', again), { key: KEY, version: 2 })
  t.end()
})

t.test('who reads a key that is being changed gets what is on disk then', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const absent = client.ask('state.get', { key: KEY })
  t.match(client.errorOf(absent), { code: 'NO_SUCH_KEY' })
  client.ask('state.set', { key: KEY, value: 1 })
  const read = client.ask('state.get', { key: KEY })
  t.same(client.kindsOf(read), [])
  const list = client.ask('state.list', {})
  t.same(client.resultOf('state.list', list), { entries: [] }, 'lists show what is there')
  harness.settle()
  t.match(client.resultOf('state.get', read), { value: 1, version: 1 })
  t.end()
})

t.test(
  'a repeat gets the reply of the first time, also of a broker that was killed behind it',
  (t) => {
    const { harness, client } = setUp({ durability: 'manual' })
    const params = { key: KEY, value: 1, version: 0 }
    const first = client.ask('state.set', params, { key: 'k' })
    harness.commit()
    t.same(client.kindsOf(first), ['ACCEPTED'], 'the reply is not on disk yet')
    const later = harness.restart()
    later.settle()
    const again = new Client(later)
    const repeat = again.ask('state.set', params, { key: 'k' })
    later.settle()
    t.same(again.resultOf('state.set', repeat), { key: KEY, version: 1 })
    const other = again.ask('state.set', params, { key: 'other' })
    t.match(again.errorOf(other), { code: 'VERSION_CONFLICT' })
    t.end()
  },
)

t.test(
  'who gave up while it waited for another is told that it was not done, and it is not',
  (t) => {
    const { harness, client } = setUp({ durability: 'manual' })
    const remove = (version: number) => client.ask('state.delete', { key: KEY, version })
    client.ask('state.set', { key: KEY, value: 1, version: 0 })
    harness.settle()
    remove(1)
    // It would fit again if the deletion fell back.
    const waiting = client.ask('state.set', { key: KEY, value: 2, version: 1 })
    client.cancel(waiting)
    harness.settle()
    t.match(client.errorOf(waiting), { code: 'CANCELLED', executed: 'no' })
    t.match(client.errorOf(client.ask('state.get', { key: KEY })), { code: 'NO_SUCH_KEY' })
    t.end()
  },
)

t.test('versions go on above those of a deleted key, also after a restart', (t) => {
  const { harness, client } = setUp()
  for (const value of [1, 2, 3]) client.call('state.set', { key: KEY, value })
  client.call('state.delete', { key: KEY })
  const later = harness.restart()
  const other = new Client(later)
  t.same(other.call('state.set', { key: KEY, value: 1 }), { key: KEY, version: 4 })
  t.match(other.failure('state.set', { key: KEY, value: 1, version: 3 }), {
    code: 'VERSION_CONFLICT',
  })
  t.same(later.core.state.size, 1)
  t.end()
})

t.test('keys are listed in order, by prefix, and page by page', (t) => {
  const { harness, client } = setUp()
  const keys = ['b/2', 'a', 'b/1', 'c', 'b/10', 'b', '~']
  for (const key of keys) client.call('state.set', { key, value: key.length })
  client.call('state.delete', { key: 'c' })
  const list = (of: Client, params: object) => of.call('state.list', params)
  const names = (of: Client, params: object) => list(of, params).entries.map(({ key }) => key)
  for (const open of [() => client, () => new Client(harness.restart())]) {
    const of = open()
    t.same(names(of, {}), ['a', 'b', 'b/1', 'b/10', 'b/2', '~'])
    t.same(names(of, { prefix: 'b/' }), ['b/1', 'b/10', 'b/2'])
    t.match(list(of, { limit: 2 }), { entries: [{ key: 'a' }, { key: 'b' }], next: 'b' })
    t.same(names(of, { after: 'b', limit: 2 }), ['b/1', 'b/10'])
    t.same(list(of, { after: 'b/2', prefix: 'b/' }), { entries: [] })
    t.match(list(of, { prefix: '~', values: true }), {
      entries: [{ key: '~', version: 1, value: 1 }],
    })
    t.notOk('value' in (list(of, { prefix: '~' }).entries[0] ?? {}))
    t.notOk('next' in list(of, {}))
  }
  t.end()
})

t.test('a page with large values is cut, and the next one goes on', (t) => {
  const { client } = setUp()
  const value = 'x'.repeat(100 * 1024)
  for (const key of ['a', 'b', 'c', 'd', 'e']) client.call('state.set', { key, value })
  const first = client.call('state.list', { values: true })
  t.same([first.entries.map(({ key }) => key), first.next], [['a', 'b'], 'b'])
  const second = client.call('state.list', { values: true, after: 'b' })
  t.same([second.entries.map(({ key }) => key), second.next], [['c', 'd'], 'd'])
  t.end()
})

t.test('what is no JSON, too large or too deep is refused', (t) => {
  const { client } = setUp()
  const refused = (value: unknown) => client.failure('state.set', { key: KEY, value })
  t.match(refused('x'.repeat(256 * 1024)), { code: 'TOO_LARGE', details: { limit: 262_144 } })
  t.match(refused({ a: [Number.NaN] }), { code: 'INVALID_PARAMS', message: /\/value\/a\/0/ })
  t.match(refused(Buffer.from('x')), { code: 'INVALID_PARAMS' })
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
  t.match(refused(nested(25)), { code: 'INVALID_PARAMS', message: /deeper than 24/ })
  client.call('state.set', { key: KEY, value: nested(24) })
  t.match(client.call('state.list', { values: true }).entries, [{ value: nested(24) }])
  for (const key of ['', 'é', 'x'.repeat(257), 'a\nb']) {
    t.match(client.failure('state.set', { key, value: 1 }), { code: 'INVALID_PARAMS' }, key)
  }
  t.end()
})

t.test('a full state takes no more, and what frees room goes on', (t) => {
  const { client } = setUp({ limits: { state: { maxRecords: 2, maxBytes: 100 } } })
  const set = (key: string, value: unknown) => client.ask('state.set', { key, value })
  set('a', 1)
  set('b', 1)
  t.match(client.errorOf(set('c', 1)), { code: 'LIMIT_REACHED', details: { limit: '2 entries' } })
  t.match(client.errorOf(set('a', 'x'.repeat(100))), { details: { limit: '100 bytes' } })
  t.match(client.resultOf('state.set', set('a', 'x'.repeat(90))), { version: 2 })
  t.match(client.resultOf('state.set', set('a', 2)), { version: 3 }, 'smaller is always possible')
  client.call('state.delete', { key: 'a' })
  t.match(client.resultOf('state.set', set('c', 1)), { key: 'c' })
  t.end()
})

type Step = {
  readonly kind: 'set' | 'delete' | 'commit' | 'full' | 'kill'
  readonly key: string
  readonly expect: boolean
}

const STEP: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'delete', 'commit', 'full', 'kill'),
  key: fc.constantFrom('a', 'b'),
  expect: fc.boolean(),
})

/** What each key was last known to be, by the replies alone: nothing that was told is ever taken back. */
t.test('whatever fails and whenever it is killed, what was replied holds', (t) => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
      let harness = setUp({ durability: 'manual' }).harness
      let client = new Client(harness)
      /** Highest version that was told, and the version that each key had at least once. */
      const seen = new Map<string, number>()
      let asked: { readonly id: string; readonly key: string }[] = []
      const heard = (): void => {
        for (const { id, key } of asked.filter((one) => client.kindsOf(one.id).includes('REPLY'))) {
          const { version } = client.resultOf('state.set', id)
          if (version <= (seen.get(key) ?? 0)) throw new Error(`${key} got ${version} twice`)
          seen.set(key, version)
        }
        asked = asked.filter(({ id }) => !client.hasEnd(id))
      }
      for (const { kind, key, expect } of steps) {
        const version = harness.core.state.version(key)
        const more = expect ? { version } : {}
        if (kind === 'set')
          asked.push({ id: client.ask('state.set', { key, value: 1, ...more }), key })
        else if (kind === 'delete') client.ask('state.delete', { key })
        else if (kind === 'commit') harness.commit()
        else if (kind === 'full') harness.journal.isFull = !harness.journal.isFull
        else {
          harness = harness.restart()
          client = new Client(harness)
          asked = []
          harness.journal.isFull = false
        }
        heard()
      }
      harness.journal.isFull = false
      harness.settle()
      heard()
      for (const key of ['a', 'b']) {
        const shown = client.call('state.list', { prefix: key }).entries[0]?.version ?? 0
        const known = harness.core.state.version(key)
        if (shown !== known) throw new Error(`${key} is ${known} in memory and ${shown} on disk`)
      }
    }),
    { numRuns: 200 },
  )
  t.end()
})
