/** Sessions in the broker's core: placement, legal moves, turns, and what the loss of a host does. */
import fc from 'fast-check'
import t from 'tap'
import { moveTo, type SessionRecord } from '../../broker/core/sessions.ts'
import { decodeTrusted } from '../../protocol/codec.ts'
import { chunkType } from '../../protocol/messages/chunk.ts'
import { SESSION_STATUSES, type SessionStatus } from '../../protocol/methods/types.ts'
import { CoreHarness } from '../support/core-harness.ts'
import { Client, demo, Host, setUp, withSession } from '../support/core-peers.ts'

/** The stream on disk as words: the status in a status, the reason in an end. */
function told(harness: CoreHarness, session: string): string[] {
  return harness.stored(session).map(({ type, body }) => {
    const fields = decodeTrusted(body) as Record<string, string | number>
    const name = chunkType(type) ?? 'unknown'
    if (name === 'status') return String(fields['status'])
    return name === 'turn_complete' ? `turn ${fields['turn_number']} ${fields['reason']}` : name
  })
}

const alive = (session: string, turn = 0, epoch = 1) => ({
  ...{ session, epoch, turn, produced: 0, pid: 4711 },
})

t.test('a session goes to the host with the most free slots that fits', (t) => {
  const harness = new CoreHarness()
  const client = new Client(harness)
  new Host(harness, 'small', { slots: 1 }).register()
  new Host(harness, 'large', { slots: 2, labels: ['gpu'] }).register()
  new Host(harness, 'other', { slots: 9, backends: ['claude'] }).register()
  const hostOf = (params: object) => client.call('session.create', { ...demo, ...params }).host
  t.equal(hostOf({}), 'large')
  t.equal(hostOf({ labels: ['gpu'] }), 'large')
  t.equal(hostOf({}), 'small')
  t.match(client.failure('session.create', demo), { code: 'AT_CAPACITY', executed: 'no' })
  t.equal(hostOf({ backend: 'claude', host: 'name of other' }), 'other')
  t.end()
})

t.test('a session that no host can take is refused at once, and says why', (t) => {
  const harness = new CoreHarness()
  const client = new Client(harness)
  const codeOf = (params: object) => client.failure('session.create', { ...demo, ...params }).code
  t.equal(codeOf({}), 'NO_HOST')
  const host = new Host(harness, 'h1')
  host.register()
  t.equal(codeOf({ labels: ['gpu'] }), 'NO_HOST')
  t.equal(codeOf({ backend: 'claude' }), 'NO_BACKEND')
  t.equal(codeOf({ host: 'nobody' }), 'NO_SUCH_HOST')
  host.leave()
  t.equal(codeOf({ host: 'h1' }), 'HOST_LOST')
  t.equal(codeOf({}), 'NO_HOST')
  t.match(client.failure('host.get', { host: 'nobody' }), { code: 'NO_SUCH_HOST' })
  t.match(client.call('host.get', { host: 'h1' }), { status: 'offline', used: 0 })
  t.equal(client.call('session.list', {}).total, 0)
  t.end()
})

t.test('a session is found by its id, its name and the first characters of its id', (t) => {
  const { client } = setUp()
  const { session } = client.call('session.create', { ...demo, name: 'anna' })
  const found = (reference: string) => client.call('session.get', { session: reference }).session
  t.same([found('anna'), found(session.slice(0, 8))], [session, session])
  t.match(client.failure('session.create', { ...demo, name: 'anna' }), { code: 'NAME_TAKEN' })
  t.match(client.failure('session.get', { session: session.slice(0, 3) }), {
    code: 'NO_SUCH_SESSION',
  })
  t.end()
})

t.test('a prefix that several ids share is ambiguous', (t) => {
  const { harness, client, session } = withSession()
  const { session: other } = client.call('session.create', demo)
  const record = harness.core.sessions.get(other)
  if (record) harness.core.sessions.add({ ...record, session: `${session.slice(0, 8)}-other` })
  const failure = client.failure('session.get', { session: session.slice(0, 8) })
  t.match(failure, { code: 'AMBIGUOUS_SESSION', details: { count: 2 } })
  t.end()
})

t.test(
  'a name is free again once its session has ended, and cannot come back to a second one',
  (t) => {
    const { client, host } = setUp()
    const named = { ...demo, name: 'anna' }
    const first = client.call('session.create', named)
    host.exit(first.session, 0)
    client.call('session.create', named)
    t.match(client.failure('session.recover', { session: first.session }), { code: 'NAME_TAKEN' })
    t.end()
  },
)

t.test('sessions are listed newest first, by status, in pages', (t) => {
  const { harness, client, host, session } = withSession()
  harness.advance(50)
  const later = client.call('session.create', demo).session
  const ids = (params: object) =>
    client.call('session.list', params).sessions.map((one) => one.session)
  t.same(ids({}), [later, session])
  t.same(ids({ offset: 1, limit: 1 }), [session])
  host.exit(session, 0)
  t.same(ids({ status: ['ended'] }), [session])
  t.end()
})

t.test('maxSessions bounds the table, ended sessions included', (t) => {
  const { client, host } = setUp({ limits: { maxSessions: 1 } })
  const { session } = client.call('session.create', demo)
  host.exit(session, 0)
  const code = 'TOO_MANY_SESSIONS'
  t.match(client.failure('session.create', demo), { code, details: { limit: 1 } })
  client.call('session.remove', { session })
  t.match(client.call('session.create', demo), { status: 'idle' })
  t.end()
})

t.test('maxHosts forgets the host that is away longest, unless a session needs it', (t) => {
  const { harness, client, host } = setUp({ limits: { maxHosts: 2 } })
  const { session } = client.call('session.create', demo)
  host.leave()
  const second = new Host(harness, 'h2')
  second.register()
  t.throws(() => new Host(harness, 'h3').register(), { code: 'OVERLOADED' })
  second.leave()
  new Host(harness, 'h3').register()
  t.same(
    client.call('host.list', {}).hosts.map((one) => one.host),
    ['h1', 'h3'],
  )
  t.match(client.call('session.get', { session }), { status: 'lost' })
  t.end()
})

const LEGAL: Readonly<Record<SessionStatus, readonly SessionStatus[]>> = {
  created: ['starting', 'ended'],
  starting: ['idle', 'running', 'lost', 'stopping', 'ended', 'failed'],
  idle: ['running', 'stopping', 'lost', 'ended', 'failed'],
  running: ['idle', 'stopping', 'lost', 'ended', 'failed'],
  stopping: ['ended', 'failed', 'lost'],
  lost: ['idle', 'running', 'stopping', 'ended', 'failed'],
  ended: ['starting'],
  failed: ['starting'],
}

t.test('a move that the table does not know is a defect, and every status can be reached', (t) => {
  const status = fc.constantFrom(...SESSION_STATUSES)
  fc.assert(
    fc.property(status, status, (from, to) => {
      const record = { session: 's', status: from } as SessionRecord
      let moved = true
      try {
        moveTo(record, to, 'why', 1)
      } catch {
        moved = false
      }
      return moved === LEGAL[from].includes(to) && record.status === (moved ? to : from)
    }),
  )
  const reached = new Set(['created', ...Object.values(LEGAL).flat()])
  t.same([...reached].sort(), [...SESSION_STATUSES].sort())
  t.end()
})

t.test(
  'a session goes from starting over idle and running to ended, and its stream says so',
  (t) => {
    const { harness, client, host } = setUp({}, { holds: ['agent.start', 'agent.stop'] })
    const id = client.ask('session.create', demo)
    const [created] = client.call('session.list', {}).sessions
    const session = created?.session ?? ''
    const status = () => client.call('session.get', { session }).status
    t.equal(status(), 'starting')
    t.match(client.failure('session.prompt', { session, text: 'early' }), { code: 'WRONG_STATE' })
    host.answer('agent.start')
    t.match(client.resultOf('session.create', id), { status: 'idle', pid: 4711, cwd: '/work' })
    t.match(client.call('session.prompt', { session, text: 'hello' }), { turn: 1, sequence: 3 })
    t.equal(status(), 'running')
    host.endTurn(session, 1)
    t.equal(status(), 'idle')
    const stop = client.ask('session.stop', { session })
    t.equal(status(), 'stopping')
    t.match(client.failure('session.prompt', { session, text: 'late' }), { code: 'WRONG_STATE' })
    host.exit(session, 143)
    host.answer('agent.stop')
    t.match(client.resultOf('session.stop', stop), { status: 'ended', exit_code: 143, pid: null })
    const words = ['starting', 'idle', 'prompt', 'turn 1 end_turn', 'stopping', 'complete']
    t.same(told(harness, session), words)
    for (const method of ['session.stop', 'session.kill', 'session.interrupt'] as const) {
      t.match(client.failure(method, { session }), { code: 'WRONG_STATE', executed: 'no' }, method)
    }
    t.end()
  },
)

t.test('a process that ends by itself has ended with code 0, and failed with any other', (t) => {
  for (const [code, status] of [
    [0, 'ended'],
    [3, 'failed'],
  ] as const) {
    const { client, host, session } = withSession()
    client.call('session.prompt', { session, text: 'x' })
    host.exit(session, code)
    const info = client.call('session.get', { session })
    t.match(info, { status, exit_code: code, pending_turns: 0, reason: `exit code ${code}` })
  }
  t.end()
})

t.test('prompts queue, are refused while busy if so wished, and are bounded', (t) => {
  const { client, host, session } = withSession({ limits: { maxOpenTurns: 2 } })
  t.match(client.call('session.prompt', { session, text: 'a' }), { turn: 1 })
  t.match(client.failure('session.prompt', { session, text: 'b', when_busy: 'reject' }), {
    code: 'BUSY',
    details: { turn: 1 },
  })
  t.match(client.call('session.prompt', { session, text: 'b' }), { turn: 2 })
  t.match(client.failure('session.prompt', { session, text: 'c' }), { code: 'OVERLOADED' })
  host.endTurn(session, 1)
  t.match(client.call('session.get', { session }), { status: 'running', pending_turns: 1 })
  t.match(client.call('session.prompt', { session, text: 'c' }), { turn: 3 })
  t.end()
})

t.test('a turn that the host refuses ends at once, and its session is idle', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  const id = client.ask('session.prompt', { session, text: 'x' })
  host.refuse('agent.prompt', 'AGENT_GONE')
  t.match(client.errorOf(id), { code: 'AGENT_GONE', executed: 'no' })
  t.match(client.call('session.get', { session }), { status: 'idle', pending_turns: 0 })
  t.same(told(harness, session).slice(2), ['prompt', 'error', 'turn 1 gone'])
  t.end()
})

t.test('an interrupt is the host’s answer, and leaves the session alone', (t) => {
  const { client, host, session } = withSession({}, { holds: ['agent.interrupt'] })
  const id = client.ask('session.interrupt', { session })
  host.answer('agent.interrupt', { interrupted: false, turn: 0 })
  t.match(client.resultOf('session.interrupt', id), { session, interrupted: false, turn: 0 })
  const refused = client.ask('session.interrupt', { session })
  host.refuse('agent.interrupt', 'AGENT_GONE')
  t.match(client.errorOf(refused), { code: 'AGENT_GONE' })
  t.match(client.call('session.get', { session }), { status: 'idle' })
  t.end()
})

t.test('a start that fails says so in the stream, and the session has failed', (t) => {
  const { harness, client, host } = setUp({}, { holds: ['agent.start'] })
  const id = client.ask('session.create', demo)
  host.refuse('agent.start', 'START_FAILED')
  t.match(client.errorOf(id), { code: 'START_FAILED', where: 'host' })
  const [info] = client.call('session.list', {}).sessions
  t.match(info, { status: 'failed' })
  t.same(told(harness, info?.session ?? ''), ['starting', 'error', 'complete', 'failed'])
  t.end()
})

t.test('a stop that overtakes the start leaves nothing running and nothing stuck', (t) => {
  const { harness, client, host } = setUp({ durability: 'manual' }, { holds: ['agent.stop'] })
  const create = client.ask('session.create', demo)
  const [created] = harness.core.sessions.all()
  const session = created?.session ?? ''
  const stop = client.ask('session.stop', { session })
  harness.settle()
  t.match(client.errorOf(create), { code: 'CANCELLED', executed: 'no' })
  host.refuse('agent.stop', 'AGENT_GONE')
  harness.settle()
  t.match(client.resultOf('session.stop', stop), { status: 'ended' })
  t.same(
    host.history.map(({ method }) => method),
    ['agent.stop'],
  )
  t.end()
})

t.test('stopping what the host no longer has ends the session', (t) => {
  for (const code of ['AGENT_GONE', 'FENCED'] as const) {
    const { harness, client, host, session } = withSession({}, { holds: ['agent.kill'] })
    client.call('session.prompt', { session, text: 'x' })
    const id = client.ask('session.kill', { session })
    host.refuse('agent.kill', code)
    t.match(client.resultOf('session.kill', id), { status: 'ended', pending_turns: 0 })
    t.same(told(harness, session).slice(-3), ['stopping', 'turn 1 gone', 'complete'])
  }
  t.end()
})

t.test('an answer to a start that comes after the process has ended changes nothing', (t) => {
  const { client, host } = setUp({}, { holds: ['agent.start'] })
  const id = client.ask('session.create', demo)
  const [created] = client.call('session.list', {}).sessions
  const session = created?.session ?? ''
  host.exit(session, 1)
  const again = client.ask('session.recover', { session })
  host.answer('agent.start')
  t.match(client.resultOf('session.create', id), { status: 'starting', epoch: 2 })
  t.equal(client.hasEnd(again), false, 'the second start has not been answered')
  host.answer('agent.start')
  t.match(client.resultOf('session.recover', again), { status: 'idle', epoch: 2 })
  t.end()
})

t.test('a recovered session has a new epoch, and the old one is fenced', (t) => {
  const { client, host, session } = withSession()
  client.call('session.prompt', { session, text: 'x' })
  host.exit(session, 1)
  t.match(client.call('session.recover', { session }), { status: 'idle', epoch: 2, turn: 1 })
  t.match(host.history.at(-1), {
    method: 'agent.start',
    params: { epoch: 2, turn: 1, resume: true },
  })
  t.match(client.failure('session.recover', { session }), { code: 'WRONG_STATE' })
  host.append(session, 'text', { content: 'old' }, { epoch: 1 })
  t.same(host.complaints(), ['FENCED'])
  t.end()
})

t.test('a recovery needs the host of the session, and a slot there', (t) => {
  const { harness, client, host } = setUp({}, { slots: 1 })
  const { session } = client.call('session.create', demo)
  host.exit(session, 0)
  client.call('session.create', demo)
  t.match(client.failure('session.recover', { session }), { code: 'AT_CAPACITY' })
  host.leave()
  t.match(client.failure('session.recover', { session }), { code: 'HOST_LOST' })
  const later = new Client(harness.restart())
  t.match(later.failure('session.recover', { session }), { code: 'HOST_LOST', executed: 'no' })
  t.end()
})

t.test('when a host is lost, calls end at once and readers are told', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  const id = client.ask('session.prompt', { session, text: 'x' })
  host.leave()
  t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'unknown' })
  t.same(told(harness, session).slice(-1), ['lost'])
  t.match(client.call('session.get', { session }), { status: 'lost', pending_turns: 1 })
  for (const method of ['session.stop', 'session.kill', 'session.interrupt'] as const) {
    t.match(client.failure(method, { session }), { code: 'HOST_LOST', executed: 'no' }, method)
  }
  t.match(client.failure('session.prompt', { session, text: 'y' }), { code: 'HOST_LOST' })
  t.equal(harness.core.hostCalls.inFlight, 0)
  t.end()
})

t.test('a host that is back goes on with what lives; the rest has failed', (t) => {
  const { harness, client, host, session } = withSession()
  const dead = client.call('session.create', demo).session
  client.call('session.prompt', { session: dead, text: 'x' })
  host.leave()
  const back = new Host(harness, 'h1')
  const { sessions } = back.register(alive(session), alive('never-heard-of'))
  t.same(sessions, [
    { session, keep: true, acknowledged: 0 },
    { session: 'never-heard-of', keep: false, acknowledged: 0 },
  ])
  t.match(client.call('session.get', { session }), { status: 'idle', reason: 'the host is back' })
  t.same(told(harness, session), ['starting', 'idle', 'lost', 'idle'])
  t.match(client.call('session.get', { session: dead }), { status: 'failed', pending_turns: 0 })
  t.same(told(harness, dead).slice(-3), ['lost', 'turn 1 gone', 'complete'])
  t.match(client.call('session.recover', { session: dead }), { status: 'idle', epoch: 2 })
  t.end()
})

t.test('a session that is reported under an old epoch is not the one that should live', (t) => {
  const { harness, client, host, session } = withSession()
  host.exit(session, 0)
  client.call('session.recover', { session })
  host.leave()
  const { sessions } = new Host(harness, 'h1').register(alive(session, 0, 1))
  t.match(sessions, [{ keep: false }])
  t.match(client.call('session.get', { session }), { status: 'failed' })
  t.end()
})

t.test('a turn that the host never saw is given once when it is back', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  client.ask('session.prompt', { session, text: 'seen' })
  client.ask('session.prompt', { session, text: 'missed' })
  host.leave()
  const back = new Host(harness, 'h1')
  back.register(alive(session, 1))
  t.match(back.history, [{ method: 'agent.prompt', params: { turn: 2, text: 'missed' } }])
  t.equal(back.history.length, 1)
  t.match(client.call('session.get', { session }), { status: 'running', pending_turns: 2 })
  t.end()
})

t.test('a missed turn that is refused, or whose prompt is damaged, does not stay open', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  client.ask('session.prompt', { session, text: 'damaged' })
  client.ask('session.prompt', { session, text: 'refused' })
  host.leave()
  harness.journal.damage(session, 3)
  const back = new Host(harness, 'h1', { holds: ['agent.prompt'] })
  back.register(alive(session))
  t.equal(client.call('session.get', { session }).pending_turns, 1)
  back.refuse('agent.prompt', 'AGENT_GONE')
  t.match(client.call('session.get', { session }), { status: 'idle', pending_turns: 0 })
  t.same(
    told(harness, session).filter((word) => word.startsWith('turn')),
    ['turn 1 gone', 'turn 2 gone'],
  )
  t.end()
})

t.test('a missed turn is kept when the host is lost again before it answers', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  client.ask('session.prompt', { session, text: 'x' })
  host.leave()
  const briefly = new Host(harness, 'h1', { holds: ['agent.prompt'] })
  briefly.register(alive(session))
  briefly.leave()
  const back = new Host(harness, 'h1')
  back.register(alive(session))
  t.match(back.history, [{ params: { turn: 1 } }])
  t.match(client.call('session.get', { session }), { status: 'running', pending_turns: 1 })
  t.end()
})

t.test('a host on a second connection replaces the first', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  const id = client.ask('session.prompt', { session, text: 'x' })
  const second = new Host(harness, 'h1', { holds: ['agent.prompt'] })
  second.register(alive(session))
  t.notOk(client.hasEnd(id))
  second.answer('agent.prompt')
  t.match(client.resultOf('session.prompt', id), { turn: 1 })
  t.match(second.history, [{ method: 'agent.prompt', params: { turn: 1 } }])
  host.append(session, 'text', { content: 'from the first' })
  t.same(host.complaints(), ['FORBIDDEN'])
  host.leave()
  t.match(client.call('session.get', { session }), { status: 'running' })
  t.match(client.call('host.get', { host: 'h1' }), { status: 'online' })
  t.end()
})

t.test('a connection that greets anew is a new one: its host has to register again', (t) => {
  const { harness, client, host, session } = withSession()
  harness.join(host)
  harness.turn()
  t.match(client.call('session.get', { session }), { status: 'lost' })
  host.register(alive(session))
  t.match(client.call('session.get', { session }), { status: 'idle' })
  t.end()
})

t.test('a connection cannot be two hosts', (t) => {
  const { host } = setUp()
  const params = { host: 'h2', name: 'two', labels: [], slots: 1, backends: [], sessions: [] }
  const failure = host.failure('host.register', { ...params, software: 'test', pid: 1 })
  t.match(failure, { code: 'INVALID_PARAMS', message: /this connection is host h1/ })
  t.end()
})

t.test('a host that is lost before the start reaches it frees the name of the session', (t) => {
  const { harness, client, host } = setUp({ durability: 'manual' })
  const id = client.ask('session.create', { ...demo, name: 'anna' }, { key: 'k' })
  host.leave()
  harness.settle()
  t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'no' })
  new Host(harness, 'h1').register()
  const again = client.ask('session.create', { ...demo, name: 'anna' }, { key: 'k' })
  harness.settle()
  t.match(client.resultOf('session.create', again), { status: 'idle' })
  t.end()
})

t.test(
  'a host that registers anew while a start is on its way to the disk is not asked for it',
  (t) => {
    const { harness, client, host } = setUp({ durability: 'manual' })
    const id = client.ask('session.create', demo)
    host.register()
    harness.settle()
    t.match(client.errorOf(id), { code: 'AGENT_GONE', executed: 'no' })
    t.same(host.history, [])
    t.match(client.call('session.list', {}), { sessions: [{ status: 'failed' }] })
    t.end()
  },
)

t.test('a host that is lost in the middle of a start decides when it is back', (t) => {
  const { harness, client, host } = setUp({}, { holds: ['agent.start'] })
  const id = client.ask('session.create', demo)
  host.leave()
  t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'unknown' })
  const [info] = client.call('session.list', {}).sessions
  t.match(info, { status: 'lost' })
  new Host(harness, 'h1').register(alive(info?.session ?? ''))
  t.match(client.call('session.list', {}), { sessions: [{ status: 'idle' }] })
  t.end()
})

t.test(
  'after a restart sessions wait for their host, and readers are told when it stays away',
  (t) => {
    const { harness, session } = withSession()
    const later = harness.restart()
    const client = new Client(later)
    t.match(client.call('session.get', { session }), { status: 'lost' })
    later.advance(9_950)
    t.same(told(later, session), ['starting', 'idle'])
    later.advance(50)
    t.same(told(later, session), ['starting', 'idle', 'lost'])
    new Host(later, 'h1').register(alive(session))
    t.same(told(later, session), ['starting', 'idle', 'lost', 'idle'])
    t.end()
  },
)

t.test('a loss that was told before a restart is taken back when the host returns', (t) => {
  const { harness, host, session } = withSession()
  host.leave()
  const later = harness.restart()
  new Host(later, 'h1').register(alive(session))
  t.same(told(later, session), ['starting', 'idle', 'lost', 'idle'])
  t.end()
})

t.test('a turn that was accepted before a restart is given after it', (t) => {
  const { harness, client, session } = withSession({}, { holds: ['agent.prompt'] })
  client.ask('session.prompt', { session, text: 'x' })
  const later = harness.restart()
  const host = new Host(later, 'h1')
  host.register(alive(session))
  t.match(host.history, [{ method: 'agent.prompt', params: { turn: 1, text: 'x' } }])
  t.match(new Client(later).call('session.get', { session }), { status: 'running' })
  t.end()
})

t.test('each start on one journal has a higher epoch', (t) => {
  const harness = new CoreHarness()
  t.equal(new Client(harness).call('system.info', {}).epoch, 1)
  t.equal(new Client(harness.restart()).call('system.info', {}).epoch, 2)
  t.end()
})
