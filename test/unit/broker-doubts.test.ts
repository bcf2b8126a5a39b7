/** The broker's core between two steps: writes that fail, hosts that come and go, sessions that are removed. */
import t from 'tap'
import { RETENTION } from '../../broker/core/retention.ts'
import { Client, demo, Host, setUp, withSession } from '../support/core-peers.ts'

/** After this a host that is away is not expected in a moment, ms. */
const AWAY_MS = 6000
const DAY = 24 * 60 * 60 * 1000

const alive = (session: string, epoch = 1) => ({ session, epoch, produced: 0, turn: 0, pid: 4711 })
const asked = (host: Host) => host.history.map(({ method }) => method)

t.test('a lost session that is removed by force leaves no question that waits', (t) => {
  const { harness, client, host, session } = withSession()
  host.askApproval(session, 'q-1')
  host.askApproval(session, 'q-2')
  const { cursor } = client.call('approval.list', { changed_since: 0 })
  host.leave()
  const news = client.ask('approval.list', { changed_since: cursor, wait_ms: 20_000 })
  client.call('session.remove', { session, force: true })
  t.match(client.resultOf('approval.list', news).approvals, [
    { approval: 'q-1', state: 'withdrawn' },
    { approval: 'q-2', state: 'withdrawn' },
  ])
  t.same(client.call('approval.list', {}).approvals, [])
  const later = new Client(harness.restart())
  t.same(later.call('approval.list', {}).approvals, [])
  t.end()
})

t.test('nor does one that is removed while the journal is full', (t) => {
  const { harness, client, host, session } = withSession()
  host.askApproval(session, 'q-1')
  host.leave()
  harness.journal.isFull = true
  client.failure('session.remove', { session, force: true }, { key: 'k' })
  client.call('session.remove', { session, force: true })
  harness.journal.isFull = false
  harness.advance(2000)
  t.same(client.call('approval.list', {}).approvals, [])
  t.same(new Client(harness.restart()).call('approval.list', {}).approvals, [])
  t.end()
})

t.test('a host that is back while the stop of its session is written ends it then', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  host.leave()
  harness.settle()
  harness.advance(AWAY_MS)
  harness.settle()
  const stop = client.ask('session.stop', { session })
  const back = new Host(harness, 'h1')
  const [told] = back.register(alive(session)).sessions
  harness.settle()
  t.match(client.resultOf('session.stop', stop), { status: 'failed' })
  t.ok(told?.keep === false || asked(back).includes('agent.kill'), 'it does not run on unseen')
  t.end()
})

t.test('a host that is back while a stop is written that fails has its session again', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  host.leave()
  harness.settle()
  harness.advance(AWAY_MS)
  harness.settle()
  const stop = client.ask('session.stop', { session })
  const back = new Host(harness, 'h1')
  back.register(alive(session))
  harness.journal.isFull = true
  harness.commit()
  harness.journal.isFull = false
  harness.advance(2000)
  harness.settle()
  t.match(client.errorOf(stop), { code: 'STORAGE_FULL' })
  t.match(client.call('session.get', { session }), { status: 'idle' })
  t.same(asked(back), [])
  t.end()
})

t.test('a drain that could not be written is none', (t) => {
  const { harness, client } = setUp()
  harness.journal.isFull = true
  t.match(client.failure('host.drain', { host: 'h1' }), { code: 'STORAGE_FULL', executed: 'no' })
  t.match(client.call('host.get', { host: 'h1' }), { draining: false })
  harness.journal.isFull = false
  client.call('session.create', demo)
  client.call('host.drain', { host: 'h1' })
  harness.journal.refusesAll = true
  client.failure('host.undrain', { host: 'h1' })
  t.match(client.call('host.get', { host: 'h1' }), { draining: true })
  t.end()
})

t.test('a pause that its host has missed was not refused', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  const id = client.ask('session.pause', { session })
  host.leave()
  harness.settle()
  const back = new Host(harness, 'h1')
  back.register(alive(session))
  harness.settle()
  t.same(asked(back), ['agent.pause'])
  t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'unknown' })
  t.end()
})

t.test('an answer is not given once its caller was told that it was not', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  host.askApproval(session, 'q-1')
  const params = { approval: 'q-1', decision: 'allow' } as const
  const id = client.ask('approval.answer', params, { remainingMs: 1000 })
  harness.advance(2000)
  t.match(client.errorOf(id), { code: 'DEADLINE_EXCEEDED', executed: 'no' })
  harness.settle()
  t.same(asked(host), ['agent.start'])
  t.match(client.call('approval.list', {}), { approvals: [{ state: 'pending' }] })
  t.end()
})

t.test('after a restart, a write that fails does not bring back what has not come back', (t) => {
  const { harness, session } = withSession()
  const next = harness.restart()
  const client = new Client(next)
  t.match(client.call('session.get', { session }), { status: 'lost' })
  next.journal.isFull = true
  t.match(client.failure('session.rename', { session, name: 'x' }), { code: 'STORAGE_FULL' })
  t.match(client.call('session.get', { session }), { status: 'lost', name: '' })
  next.journal.isFull = false
  next.advance(12_000)
  t.match(client.call('session.get', { session }), { status: 'lost', reason: /has not come back/ })
  t.end()
})

t.test('a question that waits stays in the stream', (t) => {
  const retention = { ...RETENTION, sessionBytes: 4000 }
  const { harness, client, host, session } = withSession({ limits: { retention } })
  host.askApproval(session, 'q-1', { input: { text: 'x'.repeat(20_000) } })
  const write = () => {
    for (let n = 0; n < 40; n += 1) host.append(session, 'text', { content: 'x'.repeat(94) })
    harness.advance(500)
  }
  write()
  const stored = () => harness.stored(session).map(({ sequence }) => sequence)
  const { sequence } = client.call('approval.list', {}).approvals[0] ?? { sequence: 0 }
  t.ok(stored().includes(sequence))
  client.call('approval.answer', { approval: 'q-1', decision: 'deny' })
  write()
  t.notOk(stored().includes(sequence))
  t.end()
})

t.test('whoever set a mode hears of it, also when the session is removed meanwhile', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.set_mode'] })
  const id = client.ask('session.set_mode', { session, mode: 'plan' })
  host.exit(session, 0)
  client.call('session.remove', { session })
  host.answer('agent.set_mode')
  harness.advance(3000)
  t.ok(client.hasEnd(id))
  t.equal(harness.journal.get('sessions', session), undefined, 'it is not written again')
  t.equal(harness.journal.head(session).sequence, 0)
  t.end()
})

t.test('a call that waits for room ends when its session is removed', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.set_mode'] })
  const id = client.ask('session.set_mode', { session, mode: 'plan' }, { remainingMs: 600_000 })
  harness.journal.isFull = true
  host.answer('agent.set_mode')
  host.leave()
  client.call('session.remove', { session, force: true })
  harness.advance(3000)
  t.ok(client.hasEnd(id))
  t.equal(harness.core.calls.inFlight, 0)
  t.end()
})

t.test('a clock that is set forwards removes no session', (t) => {
  const { harness, client, host, session } = withSession()
  host.exit(session, 0)
  harness.jump(31 * DAY)
  harness.advance(1000)
  t.match(client.call('session.get', { session }), { status: 'ended' })
  t.end()
})

t.test('a question whose denial cannot be written is not tried at each tick', (t) => {
  const { harness, client, host } = setUp()
  const approvals = { on_expiry: 'deny', expire_ms: 1000 } as const
  const { session } = client.call('session.create', { ...demo, approvals })
  host.askApproval(session, 'q-1')
  harness.journal.isFull = true
  harness.advance(11_000)
  const failed = harness.logs.filter(({ event }) => event === 'journal write failed')
  t.ok(failed.length <= 25, `${failed.length} writes in 10 s`)
  harness.journal.isFull = false
  harness.advance(2000)
  t.match(client.call('approval.list', { changed_since: 0 }).approvals, [{ state: 'expired' }])
  t.end()
})

t.test('nobody is told that a prompt was not done whose end could not be written', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  const params = { session, text: 'hello' }
  const id = client.ask('session.prompt', params, { key: 'k1' })
  host.leave() // while the prompt is on its way to the disk
  harness.commit()
  harness.journal.isFull = true // before its end is
  harness.settle()
  t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'unknown' })
  harness.journal.isFull = false
  const back = new Host(harness)
  back.register(alive(session))
  harness.settle()
  t.same(asked(back), ['agent.prompt'], 'it stands in the journal, so it is done')
  t.match(client.call('session.get', { session }), { status: 'running', pending_turns: 1 })
  t.match(client.failure('session.prompt', params, { key: 'k1' }), { code: 'HOST_LOST' })
  t.same(asked(back), ['agent.prompt'])
  t.end()
})

t.test(
  'a prompt whose host leaves while it is on its way to the disk may come again at once',
  (t) => {
    const { harness, client, host, session } = withSession({ durability: 'manual' })
    const params = { session, text: 'hello' }
    const id = client.ask('session.prompt', params, { key: 'k1' })
    host.leave()
    harness.settle()
    t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'no', retry_after_ms: 100 })
    const back = new Host(harness)
    back.register(alive(session))
    harness.settle()
    const again = client.ask('session.prompt', params, { key: 'k1' })
    harness.settle()
    t.match(client.resultOf('session.prompt', again), { turn: 2 })
    t.end()
  },
)

t.test('a host that is back before the end of a turn fails to be written is given it', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  const id = client.ask('session.prompt', { session, text: 'hello' })
  host.leave()
  harness.commit()
  const back = new Host(harness)
  t.match(back.register(alive(session)), { sessions: [{ keep: true }] })
  harness.journal.isFull = true
  harness.settle()
  t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'unknown' })
  t.same(asked(back), [])
  harness.journal.isFull = false
  harness.advance(1500)
  harness.settle()
  t.same(asked(back), ['agent.prompt'])
  t.end()
})

t.test('a session that could not be removed has none of the changes that failed with it', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  host.exit(session, 0)
  harness.settle()
  const removed = client.ask('session.remove', { session })
  const annotated = client.ask('session.annotate', { session, metadata: { a: 1 } })
  harness.commit() // the removal was accepted
  harness.journal.refusesAll = true
  harness.settle()
  t.match(client.errorOf(annotated), { code: 'STORAGE_FAILED' })
  t.match(client.errorOf(removed), { code: 'STORAGE_FAILED' })
  harness.journal.refusesAll = false
  const asked = client.ask('session.get', { session })
  harness.settle()
  const { status, metadata } = client.resultOf('session.get', asked)
  t.same({ status, metadata }, { status: 'ended', metadata: {} })
  t.end()
})

t.test('a deed that goes wrong keeps nobody else from its turn', (t) => {
  const { harness } = setUp()
  let done = 0
  harness.core.redo.add('s', 'a', () => {
    throw new Error('a defect')
  })
  harness.core.redo.add('s', 'b', () => {
    done += 1
    harness.core.batch.add([], () => {
      done += 1
    })
  })
  harness.advance(50)
  t.equal(done, 2, 'what it wanted written was written')
  t.match(harness.logs.at(-1), { event: 'defect', fields: { err: { message: 'a defect' } } })
  t.end()
})
