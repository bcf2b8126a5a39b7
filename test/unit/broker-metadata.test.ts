/** What callers keep with a session: kept, patched, bounded, and still there after a restart. */
import fc from 'fast-check'
import t from 'tap'
import { storedRecord } from '../../broker/core/restore.ts'
import { type JsonValue, jsonProblem, MAX_METADATA_BYTES, mergePatch } from '../../protocol/json.ts'
import { Client, demo, Host, setUp, withSession } from '../support/core-peers.ts'

t.test('metadata comes back as it was given, and is empty by default', (t) => {
  const { harness, client, session } = withSession()
  const metadata = { mode: 'chat', tags: ['a', 1, null], deep: { on: true } }
  t.same(client.call('session.get', { session }).metadata, {})
  const created = client.call('session.create', { ...demo, metadata })
  t.same(created.metadata, metadata)
  const later = new Client(harness.restart())
  t.same(later.call('session.get', { session: created.session }).metadata, metadata)
  t.end()
})

t.test('annotate merges, takes away what is null, and says what it has come to', (t) => {
  const { harness, client, session } = withSession()
  const annotate = (metadata: Record<string, unknown>) =>
    client.call('session.annotate', { session, metadata }).metadata
  annotate({ mode: 'chat', more: { a: 1, b: 2 } })
  t.same(annotate({ mode: 'agent', more: { a: null, c: [3] } }), {
    ...{ mode: 'agent', more: { b: 2, c: [3] } },
  })
  t.same(annotate({ mode: null }), { more: { b: 2, c: [3] } })
  const later = new Client(harness.restart())
  t.same(later.call('session.get', { session }).metadata, { more: { b: 2, c: [3] } })
  t.end()
})

t.test('metadata that is too large or no JSON is refused, and nothing changes', (t) => {
  const { client, session } = withSession()
  const room = MAX_METADATA_BYTES - JSON.stringify({ text: '' }).length
  const refused = (metadata: Record<string, unknown>, message: RegExp) => {
    const failure = { code: 'INVALID_PARAMS', executed: 'no', message }
    t.match(client.failure('session.annotate', { session, metadata }), failure)
    t.match(client.failure('session.create', { ...demo, metadata }), failure)
  }
  refused({ text: 'x'.repeat(room + 1) }, /16385 bytes as JSON, more than 16384/)
  refused({ text: 'ü'.repeat(room) }, /more than 16384/)
  refused({ a: { b: [Number.NaN] } }, /\/metadata\/a\/b\/0: NaN is no JSON number/)
  refused({ bytes: Buffer.from('x') }, /\/metadata\/bytes: it is no JSON value/)
  const full = { text: 'x'.repeat(room) }
  t.same(client.call('session.annotate', { session, metadata: full }).metadata, full)
  const failure = client.failure('session.annotate', { session, metadata: { more: 1 } })
  t.match(failure, { code: 'INVALID_PARAMS' }, 'the limit is that of the whole')
  t.same(client.call('session.get', { session }).metadata, full)
  t.end()
})

t.test('sessions with much metadata come in pages that their reader takes', (t) => {
  const { client } = setUp()
  const many = { all: Array(8000).fill(0) } // as many values as fit
  for (let n = 0; n < 60; n += 1) {
    client.call('session.create', { ...demo, start: 'on_prompt', metadata: many })
  }
  const seen = new Set<string>()
  for (let pages = 0; pages < 60 && seen.size < 60; pages += 1) {
    const { sessions, total } = client.call('session.list', { offset: seen.size })
    t.equal(total, 60)
    for (const { session } of sessions) seen.add(session)
  }
  t.equal(seen.size, 60, 'page by page all are seen')
  t.end()
})

t.test('on a full disk nothing is annotated', (t) => {
  const { harness, client, session } = withSession()
  harness.journal.isFull = true
  const failure = client.failure('session.annotate', { session, metadata: { a: 1 } })
  t.match(failure, { code: 'STORAGE_FULL' })
  t.same(client.call('session.get', { session }).metadata, {})
  t.end()
})

t.test('the pid of the last process is still known when it has ended', (t) => {
  const { harness, client, host, session } = withSession()
  t.match(client.call('session.get', { session }), { pid: 4711, last_pid: 4711 })
  host.exit(session, 0)
  t.match(client.call('session.get', { session }), { pid: null, last_pid: 4711 })
  const reborn = harness.restart()
  t.match(new Client(reborn).call('session.get', { session }), { pid: null, last_pid: 4711 })
  t.end()
})

t.test('a host that comes back with another process tells its pid', (t) => {
  const { harness, client, host, session } = withSession()
  host.leave()
  const again = new Host(harness)
  again.register({ session, epoch: 1, turn: 0, produced: 0, pid: 4712 })
  t.match(client.call('session.get', { session }), { pid: 4712, last_pid: 4712 })
  t.end()
})

t.test('a record of before there were such fields has none of them', (t) => {
  const { harness, session } = withSession()
  const record = harness.core.sessions.get(session)
  if (!record) throw new Error('it is not there')
  const { metadata: _, last_pid: __, ...earlier } = record
  t.match(storedRecord(harness.core, earlier), { session, metadata: {}, last_pid: 4711 })
  t.match(storedRecord(harness.core, { ...earlier, pid: null }), { last_pid: null })
  t.end()
})

t.test('two sessions of before do not share what is kept with them', (t) => {
  const { client } = setUp()
  const [one, two] = [1, 2].map(() => client.call('session.create', demo).session)
  client.call('session.annotate', { session: one ?? '', metadata: { a: 1 } })
  t.same(client.call('session.get', { session: two ?? '' }).metadata, {})
  t.end()
})

t.test('the examples of RFC 7386', (t) => {
  const examples: readonly (readonly [JsonValue, JsonValue, JsonValue])[] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, result] of examples) t.strictSame(mergePatch(target, patch), result)
  t.end()
})

t.test('whatever JSON there is passes, and a patch touches no prototype', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
      const merged = mergePatch(target as JsonValue, patch as JsonValue)
      return jsonProblem(target) === undefined && jsonProblem(merged) === undefined
    }),
  )
  const patch = JSON.parse('{"__proto__": {"polluted": true}}') as JsonValue
  const merged = mergePatch({}, patch)
  t.equal(Object.getPrototypeOf(merged), Object.prototype)
  t.equal((merged as { polluted?: true }).polluted, undefined)
  t.end()
})
