/** The audit log of the broker's core: which calls leave which records, through failures and restarts. */
import t from 'tap'
import { FINDERS } from '../../broker/core/audit/asked.ts'
import { keyHash } from '../../broker/core/audit/entry.ts'
import { AUDIT } from '../../broker/core/events.ts'
import { encode } from '../../protocol/codec.ts'
import { DONE } from '../../protocol/messages/audit.ts'
import { type BrokerMethod, METHODS, type Params } from '../../protocol/methods/index.ts'
import { auditOf, callsOf, checked, told } from '../support/audit.ts'
import type { CoreHarness } from '../support/core-harness.ts'
import { Client, demo, Host, setUp, withSession } from '../support/core-peers.ts'
import { own } from '../support/core-workflow.ts'
import { BROKER_METHODS, PARAMS, readyFor } from '../support/method-params.ts'

const MUTATING = BROKER_METHODS.filter((method) => METHODS[method].mutating)

/** Records of requests that came after this many. */
function since(harness: CoreHarness, count: number) {
  return auditOf(harness)
    .slice(count)
    .filter(({ within }) => within === undefined)
}

t.test('it is known of every mutating method what it is about', (t) => {
  t.same(Object.keys(FINDERS).sort(), [...MUTATING].sort())
  t.end()
})

t.test('every mutating method leaves one record, with a key and without', (t) => {
  for (const method of MUTATING) {
    for (const key of ['', 'k-1']) {
      const { harness, client, params } = readyFor(method)
      const before = auditOf(harness).length
      client.call(method, params, { key })
      const [record, ...more] = since(harness, before)
      t.match(record, { principal: 'local', method, outcome: DONE, executed: 'yes' }, method)
      t.equal(record?.key, key === '' ? undefined : keyHash(key))
      t.match(record?.connection, /^[0-9a-f]+$/)
      t.same(more, [], `${method} ${key}`)
      const isNamed = record?.session !== undefined || record?.target !== undefined
      t.equal(isNamed, method !== 'session.batch', `${method} is about something`)
    }
  }
  t.end()
})

t.test('methods that change nothing leave none', async (t) => {
  for (const method of BROKER_METHODS.filter((one) => !MUTATING.includes(one))) {
    const { harness, client, params } = readyFor(method)
    const before = auditOf(harness).length
    const id = client.ask(method, params)
    await new Promise((resolve) => setImmediate(resolve)) // system.metrics takes a moment
    client.resultOf(method, id)
    t.same(since(harness, before), [], method)
  }
})

t.test('every mutating method that is refused leaves one record', (t) => {
  const { harness } = withSession()
  const observer = new Client(harness, 'olga', ['observer'])
  const admin = new Client(harness, 'otto', ['admin'])
  for (const method of MUTATING) {
    const before = auditOf(harness).length
    observer.failure(method, PARAMS[method]('nobody'), { key: `k-${method}` })
    admin.failure(method, { session: 7, host: 7, task: 7, limit: 'x' } as never)
    t.match(since(harness, before), [
      { principal: 'olga', method, outcome: 'FORBIDDEN', executed: 'no' },
      { principal: 'otto', method, outcome: 'INVALID_PARAMS', executed: 'no' },
    ])
    t.equal(since(harness, before)[0]?.key, keyHash(`k-${method}`))
  }
  t.end()
})

t.test('who asks for what it has no right to is recorded, also when that changes nothing', (t) => {
  const { harness, session } = withSession()
  const operator = new Client(harness, 'otto', ['operator'])
  const before = auditOf(harness).length
  operator.failure('audit.read', {})
  operator.failure('host.usage', { sessions: [] })
  operator.call('session.get', { session })
  operator.failure('session.get', { session: 'nobody' })
  t.match(since(harness, before), [
    { principal: 'otto', method: 'audit.read', outcome: 'FORBIDDEN' },
    { principal: 'otto', method: 'host.usage', outcome: 'FORBIDDEN' },
  ])
  t.equal(since(harness, before).length, 2)
  t.end()
})

t.test('a record names what it is about by the id that the broker has for it', (t) => {
  const { harness, client, host } = setUp()
  const { session } = client.call('session.create', { ...demo, name: 'blue' })
  client.call('session.rename', { session: 'blue', name: 'green' })
  client.call('session.interrupt', { session: session.slice(0, 8) })
  host.askApproval(session, 'q-1234')
  client.call('approval.answer', { approval: 'q-12', decision: 'deny' })
  const { task } = client.call('task.create', { title: 'x' })
  client.call('task.remove', { task: task.slice(0, 8) })
  client.call('host.drain', { host: 'name of h1' })
  client.call('state.set', { key: 'color', value: 1 })
  client.failure('session.stop', { session: 'nobody' })
  const about = callsOf(harness).map(({ method, session: of, target }) => [method, of, target])
  t.same(about, [
    ['session.create', session, 'h1'],
    ['session.rename', session, undefined],
    ['session.interrupt', session, undefined],
    ['approval.answer', session, 'q-1234'],
    ['task.create', undefined, task],
    ['task.remove', undefined, task],
    ['host.drain', undefined, 'h1'],
    ['state.set', undefined, 'color'],
    ['session.stop', undefined, undefined],
  ])
  t.end()
})

t.test('a call that was accepted and fails has its own record', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  for (const key of ['a', 'b']) {
    const id = client.ask('session.prompt', { session, text: 'x' }, { key })
    host.refuse('agent.prompt', 'AGENT_GONE')
    t.match(client.errorOf(id), { code: 'AGENT_GONE' })
  }
  t.match(callsOf(harness).slice(1), [
    { session, outcome: 'AGENT_GONE', executed: 'no', key: keyHash('a') },
    { session, outcome: 'AGENT_GONE', executed: 'no', key: keyHash('b') },
  ])
  t.end()
})

t.test('a repeat is no call, and a key that is used for something else is refused', (t) => {
  const { harness, client } = setUp()
  client.call('state.set', { key: 'color', value: 1 }, { key: 'k' })
  client.call('state.set', { key: 'color', value: 1 }, { key: 'k' })
  t.same(told(harness), ['state.set done'])
  client.failure('state.set', { key: 'color', value: 2 }, { key: 'k' })
  t.same(told(harness), ['state.set done', 'state.set CONFLICT'])
  t.same(
    callsOf(harness).map(({ key }) => key),
    [keyHash('k'), keyHash('k')],
  )
  t.end()
})

t.test('the parts of a batch have records of their own, before that of the batch', (t) => {
  const { harness, client, session } = withSession()
  const { session: other } = client.call('session.create', demo)
  const before = auditOf(harness).length
  const sessions = [session, other, 'nobody']
  client.call('session.batch', { sessions, action: 'session.interrupt' }, { key: 'k' })
  const records = auditOf(harness).slice(before)
  t.match(records.at(-1), { method: 'session.batch', outcome: DONE, key: keyHash('k') })
  const parts = records.slice(0, -1)
  t.ok(parts.every(({ within }) => within === 'session.batch'))
  t.same(
    new Set(parts.map(({ method, session: of, outcome }) => `${method} ${of} ${outcome}`)),
    new Set([
      `session.interrupt ${session} done`,
      `session.interrupt ${other} done`,
      'session.interrupt undefined NO_SUCH_SESSION',
    ]),
  )
  t.end()
})

t.test('what a workflow asks for is recorded as its owner did it', (t) => {
  const { harness, client } = setUp()
  const { execution } = client.call('workflow.execute', { steps: [own('a', 'x')] })
  harness.advance(100)
  const [begun, ...parts] = callsOf(harness)
  t.match(begun, { method: 'workflow.execute', target: execution, principal: 'local' })
  t.match(parts, [
    { method: 'session.create', principal: 'local', within: execution, session: /-/ },
    { method: 'session.prompt', principal: 'local', within: execution, session: /-/ },
  ])
  t.notMatch(parts[0], { connection: /./ })
  t.end()
})

t.test('the record is on disk when the caller hears of the end', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const id = client.ask('state.set', { key: 'color', value: 1 }, { key: 'k' })
  harness.commit()
  t.same([client.kindsOf(id), told(harness)], [['ACCEPTED'], []])
  harness.commit()
  t.same([client.kindsOf(id), told(harness)], [['ACCEPTED', 'REPLY'], ['state.set done']])
  const absent = client.ask('state.delete', { key: 'absent' })
  t.notOk(client.hasEnd(absent), 'also when there was nothing to write')
  harness.commit()
  t.ok(client.hasEnd(absent))
  t.same(told(harness), ['state.set done', 'state.delete done'])
  t.end()
})

t.test('a call that a restart cut off has its record then', (t) => {
  for (const key of ['', 'k']) {
    const { harness, client, session } = withSession({}, { holds: ['agent.prompt'] })
    const id = client.ask('session.prompt', { session, text: 'x' }, { key })
    t.same(client.kindsOf(id), ['ACCEPTED'])
    const later = harness.restart()
    t.match(callsOf(later).slice(1), [
      { method: 'session.prompt', session, outcome: 'BROKER_RESTARTED', executed: 'unknown' },
    ])
    t.equal(callsOf(later)[1]?.key, key === '' ? undefined : keyHash(key))
    const last = later.restart()
    t.equal(callsOf(last).length, 2, 'and no second one')
    const left = [...last.journal.entries('idempotency')].map(({ key: kept }) => kept)
    t.equal(left.filter((kept) => kept.startsWith('unkeyed')).length, 0)
  }
  t.end()
})

t.test('a call that was certain when a restart cut it off was done', (t) => {
  for (const key of ['', 'k']) {
    const { harness, client } = setUp({ durability: 'manual' })
    client.ask('state.set', { key: 'color', value: 1 }, { key })
    harness.commit()
    t.same(told(harness), [])
    const later = harness.restart()
    later.settle()
    t.match(callsOf(later), [{ method: 'state.set', target: 'color', outcome: DONE }])
    t.equal(new Client(later).call('state.get', { key: 'color' }).value, 1)
  }
  t.end()
})

t.test('work that goes on when its caller has left has its record at its end', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  client.ask('session.prompt', { session, text: 'x' }, { remainingMs: 100 })
  harness.advance(200)
  client.leave()
  t.equal(callsOf(harness).length, 1)
  host.answer('agent.prompt')
  t.match(callsOf(harness).slice(1), [{ method: 'session.prompt', session, outcome: DONE }])
  t.end()
})

t.test('the chain goes on over restarts, each of which it tells', (t) => {
  const { harness, client } = setUp()
  client.call('state.set', { key: 'a', value: 1 })
  const second = harness.restart()
  new Client(second).call('state.set', { key: 'b', value: 1 })
  const third = second.restart()
  third.core.drain()
  third.turn()
  const records = auditOf(third)
  t.same(
    records.map(({ method, details }) => [method, details?.['epoch']]),
    [
      ['broker.started', 1],
      ['state.set', undefined],
      ['broker.started', 2],
      ['state.set', undefined],
      ['broker.started', 3],
      ['broker.draining', undefined],
    ],
  )
  t.end()
})

t.test('a write that fails takes its records with it, and the chain goes on from the disk', (t) => {
  const { harness, client } = setUp()
  client.call('state.set', { key: 'a', value: 1 })
  harness.journal.refusesAll = true
  client.failure('state.set', { key: 'b', value: 1 })
  harness.journal.refusesAll = false
  client.call('state.set', { key: 'c', value: 1 })
  harness.advance(1100)
  t.same(told(harness), [
    'state.set done',
    'state.set done',
    'state.set STORAGE_FAILED', // when it could be written
  ])
  t.end()
})

t.test('an end that finds no room is kept with its record, and written when there is room', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  const id = client.ask('session.prompt', { session, text: 'x' }, { key: 'k' })
  harness.journal.isFull = true
  host.answer('agent.prompt')
  t.match(client.resultOf('session.prompt', id), { turn: 1 })
  t.same(told(harness).slice(1), [])
  t.match(client.call('system.health', {}).problems.join('; '), /1 records of the audit log wait/)
  harness.journal.isFull = false
  harness.advance(1100)
  t.same(told(harness).slice(1), ['session.prompt done'])
  const later = harness.restart()
  t.same(told(later).slice(1), ['session.prompt done'], 'the restart finds it done')
  const again = new Client(later).call('session.prompt', { session, text: 'x' }, { key: 'k' })
  t.match(again, { turn: 1 }, 'and a repeat gets its answer')
  t.end()
})

t.test('what makes room on a full disk is recorded when there is room', (t) => {
  const { harness, client, host, session } = withSession()
  host.exit(session, 0)
  harness.journal.isFull = true
  client.failure('session.rename', { session, name: 'x' })
  client.call('session.remove', { session })
  t.same(told(harness).slice(1), [])
  harness.journal.isFull = false
  harness.advance(1100)
  t.same(told(harness).slice(1), ['session.rename STORAGE_FULL', 'session.remove done'])
  t.match(callsOf(harness).at(-1), { session })
  t.end()
})

t.test('of a flood of refusals the first is recorded, and the others are counted', (t) => {
  const { harness } = setUp()
  const olga = new Client(harness, 'olga', ['observer'])
  const otto = new Client(harness, 'otto', ['operator'])
  const flood = (count: number) => {
    for (let n = 0; n < count; n += 1) olga.failure('state.set', { key: 'a', value: n })
  }
  flood(1)
  harness.advance(1000)
  const wall = 1_700_000_001_000
  flood(500)
  otto.failure('state.delete', { key: 'a', version: 7 })
  t.same(told(harness), ['state.set FORBIDDEN', 'state.delete VERSION_CONFLICT'])
  harness.skip(60_000)
  t.match(callsOf(harness).slice(2), [
    { principal: 'olga', method: 'state.set', outcome: 'FORBIDDEN', count: 500, since: wall },
  ])
  flood(3)
  t.equal(callsOf(harness).length, 4, 'a new one is told at once again')
  harness.core.drain()
  harness.turn()
  t.match(callsOf(harness).at(-1), { principal: 'olga', count: 2 }, 'a broker that ends tells all')
  t.equal(harness.core.audit.counted, 502)
  t.end()
})

t.test('nothing that a caller writes gets into a record', (t) => {
  const secret = 'PLANTED'
  const { harness, client, host } = setUp()
  const metadata = { note: secret }
  const { session } = client.call(
    'session.create',
    {
      ...{ backend: 'demo', name: `${secret}-name`, metadata, system_prompt: secret },
      ...{ env: { TOKEN: secret }, cwd: `/${secret}`, model: secret },
    },
    { key: secret },
  )
  client.call('session.prompt', { session, text: secret })
  client.call('session.annotate', { session, metadata })
  client.call('session.rename', { session, name: `${secret}-other` })
  client.call('session.write', { session, line: secret })
  client.call('session.set_mode', { session, mode: secret })
  host.askApproval(session, 'q-1234')
  client.call('approval.answer', { approval: 'q-1234', decision: 'deny', message: secret })
  const params = { text: secret }
  client.call('session.batch', { sessions: [session], action: 'session.prompt', params })
  client.call('task.create', { title: secret, description: secret, assigned_to: secret, metadata })
  client.call('state.set', { key: 'color', value: { password: secret } })
  const steps = [own('a', secret, { prompt: `${secret} {{inputs.x}}` })]
  client.call('workflow.execute', { name: secret, steps, inputs: { x: secret } })
  for (const method of MUTATING) {
    client.failure(method, { [secret]: secret, session: secret, task: secret } as never)
    const odd = {
      session: secret,
      principal: secret,
      approval: secret,
      task: secret,
      host: secret,
      execution: secret,
    }
    const mode = method === 'session.pause' ? 'hold' : 'plan'
    const known = { signal: 'SIGINT', name: 'x', metadata: {}, line: 'x', mode, backend: 'demo' }
    const wrong = { ...odd, ...known, text: secret, decision: 'deny', approved: true }
    if (METHODS[method].errors.some((code) => code.startsWith('NO_SUCH_'))) {
      t.match(client.failure(method, wrong as never).code, /^NO_SUCH_/, method)
    }
  }
  const head = { kind: 'REQUEST', id: 'odd', method: 'state.set', remaining_ms: 0 } as const
  const rest = { target: secret, key: secret, trace: secret }
  client.send([{ ...head, ...rest }, encode({ key: 'color', value: secret })])
  harness.advance(61_000)
  const records = auditOf(harness)
  t.ok(records.length > 30)
  for (const record of records) t.notMatch(JSON.stringify(record), secret)
  t.ok(
    harness.stored(session).some(({ body }) => body.includes(secret)),
    'it was planted',
  )
  t.end()
})

t.test('nor does what is refused, for any method', (t) => {
  const secret = 'PLANTED'
  const { harness } = setUp()
  for (const method of MUTATING) {
    // One for each method, so that none of its refusals is only counted.
    const peer = new Client(harness, `user of ${method}`, ['admin'])
    const head = { kind: 'REQUEST', id: 'odd', method, remaining_ms: 0 } as const
    const unread = { [secret]: secret, session: 7, task: 7, host: 7, key: 7, execution: 7 }
    peer.send([{ ...head, target: secret, key: secret, trace: secret }, encode(unread)])
    t.match(peer.errorOf('odd'), { code: 'INVALID_PARAMS' }, method)
    const named = {
      ...{ session: secret, approval: secret, task: secret, execution: secret },
      principal: secret,
    }
    const mode = method === 'session.pause' ? 'hold' : 'plan'
    const rest = { signal: 'SIGINT', name: 'x', metadata: {}, line: 'x', mode, backend: 'demo' }
    const more = { host: secret, text: secret, decision: 'deny', approved: true }
    if (!METHODS[method].errors.some((code) => code.startsWith('NO_SUCH_'))) continue
    const id = peer.ask(method, { ...named, ...rest, ...more } as never, { key: `${secret}-2` })
    t.equal(peer.errorOf(id).executed, 'no', method)
  }
  const records = auditOf(harness)
  t.same(new Set(callsOf(harness).map(({ method }) => method)), new Set(MUTATING))
  for (const record of records) t.notMatch(JSON.stringify(record), secret)
  t.end()
})

t.test('a trace is recorded if it is one', (t) => {
  const { harness, client } = setUp()
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  for (const [id, given] of [trace, `${trace} `, 'hunter2'].entries()) {
    const head = { kind: 'REQUEST', id: `t${id}`, method: 'state.set', target: '' } as const
    const rest = { remaining_ms: 0, key: '', trace: given }
    client.send([{ ...head, ...rest }, encode({ key: 'color', value: 1 })])
  }
  t.same(
    callsOf(harness).map((record) => record.trace),
    [trace, undefined, undefined],
  )
  t.end()
})

t.test('the stream of the audit log is for who has the scope admin', (t) => {
  const { harness, client } = setUp()
  const before = auditOf(harness).length
  for (const role of ['observer', 'operator'] as const) {
    const peer = new Client(harness, role, [role])
    for (const method of ['stream.open', 'stream.read', 'stream.readers'] as const) {
      const params = { session: AUDIT, from: 1 }
      t.match(
        peer.failure(method, params),
        { code: 'FORBIDDEN', executed: 'no' },
        `${role} ${method}`,
      )
    }
    t.match(since(harness, before).slice(-3), [
      { principal: role, method: 'stream.open', target: AUDIT, outcome: 'FORBIDDEN' },
      { principal: role, method: 'stream.read', target: AUDIT, outcome: 'FORBIDDEN' },
      { principal: role, method: 'stream.readers', target: AUDIT, outcome: 'FORBIDDEN' },
    ])
  }
  client.call('stream.open', { session: AUDIT })
  client.call('stream.open', { session: '@events' })
  t.ok(client.call('stream.read', { session: AUDIT, from: 1 }).chunks.length >= 6)
  const readers = (of: Client) =>
    of.call('stream.readers', {}).readers.map(({ session }) => session)
  t.same(readers(client).sort(), [AUDIT, '@events'])
  t.same(readers(new Client(harness, 'olga', ['observer'])), ['@events'])
  t.equal(client.call('session.list', {}).total, 0)
  t.match(client.failure('session.get', { session: AUDIT }), { code: 'NO_SUCH_SESSION' })
  t.match(client.failure('output.query', { session: AUDIT }), { code: 'NO_SUCH_SESSION' })
  t.end()
})

t.test('readers of the stream hear of each record', (t) => {
  const { harness, client } = setUp()
  const { ticket } = client.call('stream.open', { session: AUDIT })
  harness.core.tickets.redeem(ticket)
  harness.core.subscribed(ticket)
  client.call('state.set', { key: 'color', value: 1 })
  const heard = harness.published.flatMap(({ message: { head } }) =>
    head.kind === 'CHUNK' && head.session === AUDIT ? [head.sequence] : [],
  )
  t.same(heard, [auditOf(harness).length])
  t.end()
})

t.test('audit.read gives what is asked for, a page at a time', (t) => {
  const { harness, client } = setUp()
  const { session } = client.call('session.create', { ...demo, name: 'blue' })
  harness.advance(1000)
  const otto = new Client(harness, 'otto', ['operator'])
  for (let n = 0; n < 20; n += 1) otto.call('state.set', { key: `k${n}`, value: n })
  otto.call('session.interrupt', { session })
  const all = client.call('audit.read', {})
  t.same(all.records, auditOf(harness))
  t.same([all.next, all.head], [auditOf(harness).length + 1, auditOf(harness).length])
  const methods = (params: Params<'audit.read'>) =>
    client.call('audit.read', params).records.map(({ method }) => method)
  t.equal(methods({ principal: 'otto' }).length, 21)
  t.same(methods({ method: 'session.' }), ['session.create', 'session.interrupt'])
  t.same(methods({ method: 'session.c' }), [])
  t.same(methods({ session: 'blue' }), ['session.create', 'session.interrupt'])
  t.same(methods({ session, principal: 'otto' }), ['session.interrupt'])
  t.same(methods({ session: 'nobody' }), [])
  t.equal(methods({ since: 1_700_000_001_000 }).length, 21)
  t.same(methods({ until: 1_700_000_000_999 }), ['broker.started', 'session.create'])
  const first = client.call('audit.read', { method: 'state.set', limit: 5 })
  t.same(
    first.records.map(({ target }) => target),
    ['k0', 'k1', 'k2', 'k3', 'k4'],
  )
  const next = client.call('audit.read', { method: 'state.set', limit: 5, from: first.next })
  t.same(
    next.records.map(({ target }) => target),
    ['k5', 'k6', 'k7', 'k8', 'k9'],
  )
  t.same(client.call('audit.read', { from: 1000 }).records, [])
  t.end()
})

t.test('a long log is read in pages that are bounded, whatever is asked for', (t) => {
  const { harness, client } = setUp()
  for (let n = 0; n < 2500; n += 1) client.ask('state.set', { key: 'k', value: n })
  const read = (from: number, more: Params<'audit.read'> = {}) =>
    client.call('audit.read', { from, ...more })
  const [a, b, c] = [read(1), read(1001), read(2001)]
  t.same([a.next, b.next, c.next], [1001, 2001, 2502])
  t.ok(checked([...a.records, ...b.records, ...c.records]).isIntact)
  t.match(read(1, { method: 'nothing' }), { records: [], next: 1001 })
  t.same(harness.core.audit.written, 2501)
  t.end()
})

t.test('of a session that is gone the log speaks under its id', (t) => {
  const { client, host, session } = withSession()
  host.exit(session, 0)
  client.call('session.remove', { session })
  const { records } = client.call('audit.read', { session })
  t.same(
    records.map(({ method }) => method),
    ['session.create', 'session.remove'],
  )
  t.end()
})

t.test('the oldest records go, and the first that is kept tells what it followed', (t) => {
  const { harness, client } = setUp({ limits: { maxAuditRecords: 16 } })
  const set = (of: Client, count: number) => {
    for (let n = 0; n < count; n += 1) of.call('state.set', { key: 'k', value: n })
  }
  set(client, 10)
  const kept = auditOf(harness)[10]
  set(client, 17)
  harness.advance(100)
  const records = auditOf(harness)
  t.equal(records.length, 16)
  t.equal(harness.core.events.keptAudit, 16)
  t.equal(records[0]?.seq, 13)
  const { gaps, records: read } = client.call('audit.read', {})
  t.same(gaps, [{ from: 1, to: 12, reason: 'retention' }])
  t.same(read, records)
  const check = checked(records, [{ seq: 11, hash: kept?.hash ?? '' }])
  t.equal(check.anchor, records[0]?.prev)
  t.match(check.breaks, [{ seq: 11, what: /not kept/ }])
  const later = harness.restart()
  set(new Client(later), 20)
  later.advance(100)
  t.equal(auditOf(later).length, 16, 'also after a restart')
  t.end()
})

t.test('records go by their bytes as well', (t) => {
  const limits = { maxAuditBytes: 20_000 }
  const { harness, client } = setUp({ limits })
  for (let n = 0; n < 200; n += 1) client.call('state.set', { key: 'k', value: n })
  harness.advance(1000)
  const bytes = harness.stored(AUDIT).reduce((sum, { body }) => sum + body.length + 96, 0)
  t.ok(bytes <= 20_000 && bytes > 10_000, String(bytes))
  t.equal(harness.core.events.keptAuditBytes, bytes)
  t.end()
})

t.test('behind a last record that is damaged the log goes on, and the check names it', (t) => {
  const { harness, client } = setUp()
  client.call('state.set', { key: 'a', value: 1 })
  client.call('state.set', { key: 'b', value: 1 })
  harness.journal.damage(AUDIT, 3)
  const later = harness.restart()
  const again = new Client(later)
  again.call('state.set', { key: 'c', value: 1 })
  const { records, gaps } = again.call('audit.read', {})
  t.same(gaps, [{ from: 3, to: 3, reason: 'corrupt' }])
  t.same(
    records.map(({ seq }) => seq),
    [1, 2, 4, 5],
  )
  t.match(checked(records).breaks, [{ seq: 4, what: /where 3 was due/ }])
  t.end()
})

t.test(
  'a record that somebody else wrote into the journal is told as one that is no record',
  (t) => {
    const { harness, client } = setUp()
    client.call('state.set', { key: 'a', value: 1 })
    const chunk = harness.stored(AUDIT)[1]
    if (!chunk) throw new Error('there is no record')
    for (const body of [Buffer.from([0xc1]), encode({ principal: 'nobody' })]) {
      harness.journal.write([{ op: 'append', session: AUDIT, chunk: { ...chunk, body } }], () => {})
      harness.journal.commit()
      const { gaps, records } = client.call('audit.read', {})
      t.same(gaps, [{ from: 2, to: 2, reason: 'corrupt' }])
      t.same(
        records.map(({ seq }) => seq),
        [1],
      )
    }
    const later = new Client(harness.restart())
    later.call('state.set', { key: 'b', value: 1 })
    const { records } = later.call('audit.read', { from: 3 })
    t.match(records, [{ method: 'broker.started' }, { method: 'state.set' }], 'it goes on')
    t.end()
  },
)

t.test('what is no call is recorded as well', (t) => {
  const { harness } = setUp()
  const { audit } = harness.core
  const target = 'laptop'
  const details = { fingerprint: 'ab', roles: 'operator' }
  audit.note({ event: 'network.shut', principal: 'anna', via: 'web', target, details })
  for (let n = 0; n < 100; n += 1) {
    audit.noteRefusal({ event: 'connection.refused', outcome: 'UNAUTHENTICATED', target: `n${n}` })
  }
  harness.skip(60_000)
  t.match(callsOf(harness), [
    { method: 'network.shut', principal: 'anna', via: 'web', target, details, outcome: DONE },
    { method: 'connection.refused', principal: '', target: 'n0', executed: 'no' },
    { method: 'connection.refused', principal: '', outcome: 'UNAUTHENTICATED', count: 99 },
  ])
  t.end()
})

t.test('a broker that did not record yet left calls whose end is recorded now', (t) => {
  const { harness, client, session } = withSession({}, { holds: ['agent.prompt'] })
  client.ask('session.prompt', { session, text: 'x' }, { key: 'k' })
  for (const { key, value } of [...harness.journal.entries('idempotency')]) {
    const { outcome, ...record } = value as { outcome: { state: string } }
    const earlier = { ...record, outcome: { state: outcome.state } }
    if (outcome.state !== 'running') continue
    harness.journal.write([{ op: 'put', table: 'idempotency', key, value: earlier }], () => {})
  }
  harness.journal.commit()
  const record = callsOf(harness.restart()).at(-1)
  t.match(record, { principal: 'local', method: 'session.prompt', key: keyHash('k') })
  t.match(record, { outcome: 'BROKER_RESTARTED', executed: 'unknown' })
  t.equal(record?.session, undefined)
  t.end()
})

t.test('a host that goes away and a new one are no calls', (t) => {
  const { harness, host } = withSession()
  const before = callsOf(harness).length
  host.leave()
  new Host(harness, 'h2').register()
  t.equal(callsOf(harness).length, before)
  t.end()
})

t.test('methods of hosts are no calls here, so asking for one leaves nothing', (t) => {
  const { harness, client } = setUp()
  t.match(client.failure('agent.start' as BrokerMethod, {} as never), { code: 'UNKNOWN_METHOD' })
  t.same(callsOf(harness), [])
  t.end()
})
