/** Calls of the broker's core: rights, ends, deadlines, CANCEL, idempotency keys, limits, drain. */
import t from 'tap'
import { EMPTY, encode } from '../../protocol/codec.ts'
import { ROLES, type Role } from '../../protocol/messages/handshake.ts'
import { ROLE_SCOPES } from '../../protocol/methods/define.ts'
import { METHODS } from '../../protocol/methods/index.ts'
import { Client, demo, setUp, withSession } from '../support/core-peers.ts'
import { BROKER_METHODS, PARAMS, readyFor } from '../support/method-params.ts'

t.test('every method answers as its schema says', async (t) => {
  for (const method of BROKER_METHODS) {
    const { client, params } = readyFor(method)
    const id = client.ask(method, params)
    await new Promise((resolve) => setImmediate(resolve)) // system.metrics takes a moment
    client.resultOf(method, id)
    t.pass(method)
  }
})

t.test('every method refuses parameters that do not fit, and nothing is done', (t) => {
  const { client, harness } = withSession()
  const before = harness.changes
  for (const method of BROKER_METHODS) {
    if (Object.keys(METHODS[method].params.properties).length === 0) continue
    const wrong = { session: 7, host: 7, ticket: 7, backend: 7, limit: 'x' } as never
    t.match(client.failure(method, wrong), { code: 'INVALID_PARAMS', executed: 'no' }, method)
  }
  t.equal(harness.changes, before)
  t.end()
})

t.test('a repeat of what is being refused is not told that it was accepted', (t) => {
  const { harness, client, host } = setUp({ durability: 'manual' })
  const created = client.ask('session.create', { ...demo, recovery: 'auto' })
  harness.settle()
  const { session } = client.resultOf('session.create', created)
  host.exit(session, 1)
  harness.settle()
  host.holds.add('agent.start')
  const params = { session, text: 'x' }
  const first = client.ask('session.prompt', params, { key: 'k' })
  harness.settle() // its recovery
  host.refuse('agent.start', 'START_FAILED', 'unknown')
  // Its refusal goes to the audit log, and is told when it is there.
  for (let step = 0; !client.hasEnd(first); step += 1) {
    const again = new Client(harness)
    const second = again.ask('session.prompt', params, { key: 'k' })
    t.same(again.kindsOf(second), [], `step ${step}`)
    harness.commit()
  }
  t.match(client.errorOf(first), { code: 'START_FAILED', executed: 'unknown' })
  t.notOk(client.kindsOf(first).includes('ACCEPTED'))
  t.end()
})

t.test('a role can call what its scopes allow and nothing else', (t) => {
  const roles: readonly Role[] = ROLES
  for (const role of roles) {
    const { harness, host, session } = withSession()
    host.exit(session, 0)
    const peer = new Client(harness, 'somebody', [role])
    for (const method of BROKER_METHODS) {
      const id = peer.ask(method, PARAMS[method](session))
      const allowed = ROLE_SCOPES[role].includes(METHODS[method].scope)
      const refused = peer.kindsOf(id).at(-1) === 'ERROR' && peer.errorOf(id).code === 'FORBIDDEN'
      t.equal(refused, !allowed, `${role} ${method}`)
    }
  }
  t.end()
})

t.test('a session that does not exist is NO_SUCH_SESSION for every method that takes one', (t) => {
  const { client } = setUp()
  for (const method of BROKER_METHODS) {
    if (!METHODS[method].errors.some((code) => code === 'NO_SUCH_SESSION')) continue
    t.match(client.failure(method, PARAMS[method]('nobody')), { code: 'NO_SUCH_SESSION' }, method)
  }
  t.end()
})

t.test(
  'a method that is mistyped, or is for hosts, is unknown and a broker one is suggested',
  (t) => {
    const { client } = setUp()
    const unknown = (method: string) => client.failure(method as 'system.info', {})
    t.match(unknown('session.creat'), { code: 'UNKNOWN_METHOD', message: /mean session.create\?/ })
    t.match(unknown('agent.start'), { code: 'UNKNOWN_METHOD' })
    t.notMatch(unknown('agent.start').message, 'did you mean agent.start')
    t.end()
  },
)

t.test('a mutating call is accepted once it is on disk, and then replied', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const id = client.ask('session.create', demo)
  t.same(client.kindsOf(id), [])
  harness.commit()
  t.same(client.kindsOf(id), ['ACCEPTED'])
  harness.settle()
  t.same(client.kindsOf(id), ['ACCEPTED', 'REPLY'])
  t.end()
})

t.test('a write that takes long is told in the log, with how long nothing went on', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const slow = () => harness.logs.filter(({ event }) => event === 'journal write was slow')
  client.ask('session.create', demo)
  harness.advance(950)
  harness.settle()
  t.same(slow(), [])
  const id = client.ask('session.create', { ...demo, name: 'second' })
  harness.advance(8000)
  t.same(client.kindsOf(id), [], 'it is neither accepted nor given to the host before')
  harness.settle()
  t.match(slow(), [{ fields: { took_ms: 8000, operations: Number } }])
  t.same(client.kindsOf(id), ['ACCEPTED', 'REPLY'])
  t.end()
})

t.test('an id that is under way, or empty, is a complaint and ends no request', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const id = client.ask('session.create', demo)
  client.ask('session.list', {}, { id })
  client.ask('session.list', {}, { id: '' })
  t.equal(client.hasEnd(id), false)
  t.match(
    client.received.map(({ head }) => head),
    [
      { kind: 'ERROR', id: '' },
      { kind: 'ERROR', id: '' },
    ],
  )
  harness.settle()
  t.match(client.resultOf('session.create', id), { status: 'idle' })
  t.end()
})

t.test('a deadline that passes while the write is under way says executed unknown', (t) => {
  const { harness, client, host } = setUp({ durability: 'manual' })
  const id = client.ask('session.create', demo, { remainingMs: 200 })
  harness.advance(200)
  t.match(client.errorOf(id), { code: 'DEADLINE_EXCEEDED', executed: 'unknown' })
  harness.settle()
  t.match(host.history, [{ method: 'agent.start' }], 'it was on its way to the disk and is done')
  t.same(client.kindsOf(id), ['ERROR'])
  t.end()
})

t.test('a deadline that passes after ACCEPTED says executed unknown, and the work goes on', (t) => {
  const { harness, client, host } = setUp({}, { holds: ['agent.start'] })
  const id = client.ask('session.create', demo, { remainingMs: 200 })
  harness.advance(150)
  t.same(client.kindsOf(id), ['ACCEPTED'])
  harness.advance(50)
  t.match(client.errorOf(id), { code: 'DEADLINE_EXCEEDED', executed: 'unknown' })
  host.answer('agent.start')
  t.match(client.call('session.list', {}), { sessions: [{ status: 'idle' }] })
  t.same(client.kindsOf(id), ['ACCEPTED', 'ERROR'])
  t.end()
})

t.test('a request without a deadline has the default one', (t) => {
  const { harness, client } = setUp({}, { holds: ['agent.start'] })
  const id = client.ask('session.create', demo)
  harness.advance(29_950)
  t.equal(client.hasEnd(id), false)
  harness.advance(50)
  t.match(client.errorOf(id), { code: 'DEADLINE_EXCEEDED' })
  t.end()
})

t.test('CANCEL before the start reaches the host starts nothing', (t) => {
  const { harness, client, host } = setUp({ durability: 'manual' })
  const id = client.ask('session.create', demo)
  client.cancel(id)
  harness.settle()
  t.match(client.errorOf(id), { code: 'CANCELLED', executed: 'no' })
  t.same(host.history, [])
  t.match(client.call('session.list', {}), { sessions: [{ status: 'failed' }] })
  t.end()
})

t.test('CANCEL is passed on to the host, and a second one changes nothing', (t) => {
  const { client, host } = setUp({}, { holds: ['agent.start'] })
  const id = client.ask('session.create', demo)
  client.cancel(id)
  client.cancel(id)
  t.equal(client.hasEnd(id), false)
  t.ok(host.heads('CANCEL').length > 0)
  host.refuse('agent.start', 'CANCELLED')
  t.match(client.errorOf(id), { code: 'CANCELLED', executed: 'no' })
  t.end()
})

t.test('CANCEL reaches the host only when all who wait for the call have cancelled', (t) => {
  const { harness, client, host } = setUp({}, { holds: ['agent.start'] })
  const other = new Client(harness)
  const id = client.ask('session.create', demo, { key: 'k' })
  const attached = other.ask('session.create', demo, { key: 'k' })
  client.cancel(id)
  client.cancel(id)
  t.same(host.heads('CANCEL'), [])
  other.cancel(attached)
  t.equal(host.heads('CANCEL').length, 1)
  host.refuse('agent.start', 'CANCELLED')
  t.match(
    [client.errorOf(id), other.errorOf(attached)],
    [{ code: 'CANCELLED' }, { code: 'CANCELLED' }],
  )
  t.end()
})

t.test('a late CANCEL, or one of a request that never came, is answered', (t) => {
  const { client } = setUp()
  client.cancel('never')
  t.match(client.errorOf('never'), { code: 'CANCELLED', executed: 'unknown' })
  const id = client.ask('system.info', {})
  client.cancel(id)
  t.same(client.kindsOf(id), ['REPLY', 'ERROR'])
  t.end()
})

t.test('a repeat with the same key attaches to the running call', (t) => {
  const { harness, client, host } = setUp({}, { holds: ['agent.start'] })
  const first = client.ask('session.create', demo, { key: 'k' })
  const second = new Client(harness)
  const repeat = second.ask('session.create', demo, { key: 'k' })
  t.same(second.kindsOf(repeat), ['ACCEPTED'])
  host.answer('agent.start')
  t.same(second.resultOf('session.create', repeat), client.resultOf('session.create', first))
  t.equal(host.history.length, 1)
  t.end()
})

t.test('a repeat after the end gets the stored reply, also of a later broker', (t) => {
  const { harness, client } = setUp()
  const first = client.call('session.create', demo, { key: 'k' })
  t.same(client.call('session.create', demo, { key: 'k' }), first)
  const later = new Client(harness.restart())
  t.same(later.call('session.create', demo, { key: 'k' }), first)
  t.equal(later.call('session.list', {}).total, 1)
  t.end()
})

t.test('an answer that is kept holds no other memory than its own', (t) => {
  const { harness, client } = setUp()
  client.call('session.create', demo, { key: 'k' })
  const outcome = harness.core.idempotency.get('local\nk')?.outcome
  const body = outcome?.state === 'replied' ? outcome.body : EMPTY
  t.ok(body.length > 0)
  t.equal(body.buffer.byteLength, body.length)
  t.end()
})

t.test('a key belongs to its principal, and to one body', (t) => {
  const { harness, client } = setUp()
  const { session } = client.call('session.create', demo, { key: 'k' })
  const other = new Client(harness, 'other')
  t.not(other.call('session.create', demo, { key: 'k' }).session, session)
  t.match(client.failure('session.create', { ...demo, name: 'x' }, { key: 'k' }), {
    code: 'CONFLICT',
    details: { key: 'k' },
  })
  t.match(client.failure('session.kill', { session }, { key: 'k' }), { code: 'CONFLICT' })
  t.end()
})

t.test(
  'another body under a key is a conflict while the failure of the first is on its way',
  (t) => {
    const { harness, client, host } = setUp({ durability: 'manual' }, { holds: ['agent.start'] })
    const id = client.ask('session.create', demo, { key: 'k' })
    harness.settle()
    host.refuse('agent.start', 'START_FAILED')
    t.equal(client.hasEnd(id), false, 'its end is not on disk')
    const other = client.ask('session.create', { ...demo, name: 'x' }, { key: 'k' })
    t.match(client.errorOf(other), { code: 'CONFLICT' })
    harness.settle()
    t.match(client.errorOf(id), { code: 'START_FAILED', executed: 'no' })
    t.end()
  },
)

t.test('a key whose call failed without being executed can be used again', (t) => {
  const { harness, client, host } = setUp({}, { holds: ['agent.start'] })
  const first = client.ask('session.create', demo, { key: 'k' })
  host.refuse('agent.start', 'START_FAILED')
  t.match(client.errorOf(first), { code: 'START_FAILED', executed: 'no' })
  const second = client.ask('session.create', demo, { key: 'k' })
  host.answer('agent.start')
  t.match(client.resultOf('session.create', second), { status: 'idle' })
  t.match(client.failure('session.prompt', { session: 'nobody', text: 'x' }, { key: 'p' }), {
    code: 'NO_SUCH_SESSION',
  })
  t.equal(harness.core.idempotency.size, 1)
  t.end()
})

t.test('a key whose call may have been executed is never run again', (t) => {
  const { client, host } = setUp({}, { holds: ['agent.start'] })
  const first = client.ask('session.create', demo, { key: 'k' })
  host.refuse('agent.start', 'INTERNAL', 'unknown')
  t.match(client.errorOf(first), { code: 'INTERNAL', executed: 'unknown' })
  t.match(client.failure('session.create', demo, { key: 'k' }), { code: 'INTERNAL' })
  t.equal(host.history.filter(({ method }) => method === 'agent.start').length, 1)
  t.end()
})

t.test('a call that a restart interrupted is BROKER_RESTARTED, executed unknown', (t) => {
  const { harness, client } = setUp({}, { holds: ['agent.start'] })
  client.ask('session.create', demo, { key: 'k' })
  const later = new Client(harness.restart())
  const error = { code: 'BROKER_RESTARTED', executed: 'unknown' }
  t.match(later.failure('session.create', demo, { key: 'k' }), error)
  t.match(later.failure('session.create', demo, { key: 'k' }), error)
  t.end()
})

t.test('keys are forgotten after their window', (t) => {
  const { harness, client } = setUp()
  client.call('session.create', demo, { key: 'k' })
  harness.core.idempotency.expire(harness.core.clock.wall() + 24 * 60 * 60 * 1000)
  t.equal(harness.core.idempotency.size, 0)
  t.end()
})

t.test(
  'beyond their number the oldest keys go, from memory and journal; running ones stay',
  (t) => {
    const idempotency = { windowMs: 1e9, maxKeys: 1000, maxBytes: 1e9 }
    const { harness, client } = setUp({ limits: { idempotency } }, { holds: ['agent.start'] })
    client.ask('session.create', demo, { key: 'runs' })
    const missing = { session: 'nobody' }
    for (let n = 0; n < 2500; n += 1) {
      const hash = 'hash'
      const outcome = { state: 'replied', body: Buffer.alloc(10) } as const
      const record = { method: 'session.stop', hash, at: harness.core.clock.wall(), outcome }
      harness.core.batch.add([harness.core.idempotency.set(`local\nk${n}`, record)], () => {})
    }
    harness.settle()
    harness.advance(50)
    t.equal(harness.core.idempotency.size, 1501, 'no more than a thousand at a time')
    harness.advance(50)
    const stored = [...harness.journal.entries('idempotency')].map(({ key }) => key)
    t.equal(stored.length, 1000)
    t.same(harness.core.idempotency.size, 1000)
    t.ok(stored.includes('local\nruns') && stored.includes('local\nk2499'))
    t.notOk(stored.includes('local\nk0'))
    t.match(client.failure('session.stop', missing, { key: 'k2499' }), { code: 'CONFLICT' })
    t.match(client.failure('session.stop', missing, { key: 'k0' }), { code: 'NO_SUCH_SESSION' })
    t.equal(harness.restart().core.idempotency.size, 1000)
    t.end()
  },
)

t.test('keys go when their answers are too large in all, the oldest first', (t) => {
  const idempotency = { windowMs: 1e9, maxKeys: 1000, maxBytes: 100_000 }
  const { harness, client } = setUp({ limits: { idempotency } })
  const title = 'x'
  const task = { title, description: 'y'.repeat(9000) }
  for (let n = 0; n < 30; n += 1) client.call('task.create', task, { key: `k${n}` })
  harness.advance(50)
  t.ok(harness.core.idempotency.size <= 11)
  t.ok(harness.core.idempotency.size >= 9)
  const answers = (of: Client, key: string) => of.call('task.create', task, { key }).task
  t.equal(answers(client, 'k29'), answers(client, 'k29'))
  const later = harness.restart()
  for (let n = 0; n < 3; n += 1) new Client(later).call('task.create', task, { key: `l${n}` })
  later.advance(50)
  t.ok(later.core.idempotency.size <= 11, 'also after a restart')
  t.end()
})

t.test('keys that are too old go from a full journal as well', (t) => {
  const idempotency = { windowMs: 10_000, maxKeys: 1000, maxBytes: 1e9 }
  const { harness, client } = setUp({ limits: { idempotency } })
  client.call('session.create', demo, { key: 'k' })
  harness.journal.isFull = true
  harness.advance(11_000)
  t.same([...harness.journal.entries('idempotency')], [])
  t.end()
})

t.test('a host that never answers ends its requests after their time and a grace', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  const id = client.ask('session.prompt', { session, text: 'x' }, { key: 'k', remainingMs: 5000 })
  harness.advance(5000)
  t.match(client.errorOf(id), { code: 'DEADLINE_EXCEEDED', executed: 'unknown' })
  t.equal(harness.core.calls.inFlight, 1, 'the host may still answer')
  harness.advance(60_000)
  t.equal(harness.core.calls.inFlight, 0)
  t.equal(harness.core.hostCalls.inFlight, 0)
  t.equal(host.heads('CANCEL').length, 1)
  const again = client.failure('session.prompt', { session, text: 'x' }, { key: 'k' })
  t.match(again, { code: 'DEADLINE_EXCEEDED', executed: 'unknown', details: { where: 'host' } })
  t.equal(host.history.filter(({ method }) => method === 'agent.prompt').length, 1)
  host.answer('agent.prompt') // too late: nobody waits
  t.match(client.call('session.get', { session }), { status: 'running', pending_turns: 1 })
  t.end()
})

t.test('a start that is never answered fails, and what may run is killed', (t) => {
  const { harness, client, host } = setUp({}, { holds: ['agent.start', 'agent.kill'] })
  const id = client.ask('session.create', demo, { remainingMs: 1000 })
  harness.advance(61_000)
  t.match(client.errorOf(id), { code: 'DEADLINE_EXCEEDED', executed: 'unknown' })
  t.match(host.history, [{ method: 'agent.start' }, { method: 'agent.kill' }])
  t.match(client.call('session.list', {}).sessions, [{ status: 'failed' }])
  t.end()
})

t.test('one host has a bounded number of requests unanswered', (t) => {
  const limits = { maxOpenTurns: 10_000, maxCallsPerConnection: 10_000 }
  const { client, session, harness } = withSession({ limits }, { holds: ['agent.interrupt'] })
  for (let n = 0; n < 4096; n += 1) client.ask('session.interrupt', { session }, { id: `i${n}` })
  t.equal(harness.core.hostCalls.inFlight, 4096)
  t.match(client.failure('session.interrupt', { session }), { code: 'OVERLOADED', executed: 'no' })
  t.equal(harness.core.hostCalls.inFlight, 4096)
  t.end()
})

t.test('a key that the journal could not hold is refused, and stops nobody else', (t) => {
  const { client } = setUp()
  const key = '\u{1f600}'.repeat(128)
  const id = client.ask('session.create', demo, { key })
  t.match(client.errorOf(id), { code: 'INVALID_MESSAGE', executed: 'no' })
  t.match(client.call('session.create', demo), { status: 'idle' })
  t.end()
})

t.test('maxCallsPerConnection bounds one connection, and an end makes room', (t) => {
  const { harness, client, host } = setUp(
    { limits: { maxCallsPerConnection: 2 } },
    { holds: ['agent.start'] },
  )
  client.ask('session.create', demo)
  client.ask('session.create', demo)
  const refused = client.failure('session.create', demo)
  t.match(refused, { code: 'OVERLOADED', executed: 'no', retryable: true, retry_after_ms: 100 })
  t.match(new Client(harness).call('session.list', {}), { total: 2 })
  host.answer('agent.start')
  t.match(client.call('session.list', {}), { total: 2 })
  t.end()
})

t.test('the calls of a connection that ends are forgotten, and their work goes on', (t) => {
  const { harness, client, host } = setUp({}, { holds: ['agent.start'] })
  client.ask('session.create', demo)
  client.leave()
  t.equal(harness.core.calls.inFlightOf(client.connection), 0)
  t.equal(harness.core.calls.inFlight, 1)
  host.answer('agent.start')
  t.equal(harness.core.calls.inFlight, 0)
  t.match(new Client(harness).call('session.list', {}), { sessions: [{ status: 'idle' }] })
  t.end()
})

t.test(
  'a drain refuses new mutating work, lets reads go on and waits for what is under way',
  (t) => {
    const { harness, client, host } = setUp({}, { holds: ['agent.start'] })
    const id = client.ask('session.create', demo, { key: 'k' })
    harness.core.drain()
    t.match(client.failure('session.create', demo), { code: 'DRAINING', executed: 'no' })
    t.match(client.call('system.health', {}), { status: 'draining' })
    t.match(client.call('session.list', {}), { total: 1 })
    const repeat = client.ask('session.create', demo, { key: 'k' })
    t.equal(harness.core.isQuiet, false)
    host.answer('agent.start')
    t.match(client.resultOf('session.create', id), { status: 'idle' })
    t.match(client.resultOf('session.create', repeat), { status: 'idle' })
    t.equal(harness.core.isQuiet, true)
    t.end()
  },
)

t.test('kinds that only a broker sends are UNSUPPORTED', (t) => {
  const { client } = setUp()
  client.send([{ kind: 'CREDIT', bytes: 1 }, EMPTY])
  t.match(client.errorOf(''), { code: 'UNSUPPORTED' })
  t.end()
})

t.test('a reply that cannot be read, or is sent by somebody else, ends nothing wrongly', (t) => {
  const { client, host } = setUp({}, { holds: ['agent.start'] })
  const id = client.ask('session.create', demo)
  const [asked] = host.asked
  const request = asked?.head.id ?? ''
  client.send([{ kind: 'REPLY', id: request }, encode({})])
  t.equal(client.hasEnd(id), false)
  host.send([{ kind: 'REPLY', id: request }, encode({ pid: 'x' })])
  t.match(client.errorOf(id), { code: 'INTERNAL', executed: 'unknown' })
  t.match(client.call('session.list', {}), { sessions: [{ status: 'failed' }] })
  t.match(
    host.history.map(({ method }) => method),
    ['agent.start', 'agent.kill'],
  )
  t.end()
})
