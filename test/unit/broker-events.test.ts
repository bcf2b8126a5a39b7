/** `@events`: what is told, when, and that it is on disk with the change that it tells, or not at all. */
import t from 'tap'
import { EVENTS, event } from '../../broker/core/events.ts'
import type { CoreHarness } from '../support/core-harness.ts'
import { Client, demo, Host, setUp, withSession } from '../support/core-peers.ts'
import { eventsOf, told } from '../support/events.ts'

function subscribe(harness: CoreHarness, client: Client, session: string): void {
  const { ticket } = client.call('stream.open', { session })
  harness.core.tickets.redeem(ticket)
  harness.core.subscribed(ticket)
}

/** Sequences of the events that readers got. */
function heard(harness: CoreHarness): number[] {
  return harness.published.flatMap(({ message: { head } }) =>
    head.kind === 'CHUNK' && head.session === EVENTS ? [head.sequence] : [],
  )
}

t.test('the life of a session is told from its creation to its removal', (t) => {
  const { harness, client, host } = setUp()
  const { session } = client.call('session.create', { ...demo, name: 'blue' })
  client.call('session.prompt', { session, text: 'hello' })
  host.endTurn(session, 1)
  client.call('session.pause', { session })
  client.call('session.resume', { session })
  client.call('session.rename', { session, name: 'green' })
  host.exit(session, 3)
  client.call('session.remove', { session })
  t.same(told(harness, 'session'), [
    ...['created', 'started', 'status idle', 'status running', 'status idle'],
    ...['paused', 'resumed', 'renamed', 'status failed', 'removed'],
  ])
  const data = eventsOf(harness).map((one) => ({ [one.event]: one.data }))
  t.match(data, [
    { started: { epoch: 1, software: 'test' } },
    { online: { name: 'name of h1', slots: 100, sessions: 0 } },
    { created: { status: 'starting', name: 'blue', backend: 'demo', host: 'h1', owner: 'local' } },
    { started: { pid: 4711, host: 'h1', epoch: 1 } },
    { status: { status: 'idle', previous: 'starting', turn: 0 } },
    { status: { status: 'running', previous: 'idle', turn: 1 } },
    { status: { status: 'idle', previous: 'running', turn: 1 } },
    { paused: { paused: 'hold', reason: 'paused by local' } },
    { resumed: { paused: '', reason: 'resumed by local' } },
    { renamed: { name: 'green', previous: 'blue' } },
    { status: { status: 'failed', previous: 'idle', reason: 'exit code 3', exit_code: 3 } },
    { removed: { name: 'green' } },
  ])
  t.end()
})

t.test('chunks, and turns that wait behind others, are no events', (t) => {
  const { harness, client, host, session } = withSession()
  const before = eventsOf(harness).length
  for (const text of ['a', 'b', 'c']) client.call('session.prompt', { session, text })
  for (let turn = 1; turn <= 3; turn += 1) {
    for (let piece = 0; piece < 20; piece += 1)
      host.append(session, 'text', { content: 'x' }, { turn })
    host.endTurn(session, turn)
  }
  t.equal(eventsOf(harness).length, before + 2, 'it ran, and was idle again')
  t.end()
})

t.test('an event is on disk with the change that it tells, or neither is', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const before = eventsOf(harness).length
  client.ask('session.create', demo)
  const crashed = harness.restart()
  t.same([...crashed.journal.entries('sessions')], [])
  t.same(told(crashed, 'session'), [])
  const { harness: second, client: other } = setUp({ durability: 'manual' })
  other.ask('session.create', demo)
  second.commit()
  const later = second.restart()
  t.equal([...later.journal.entries('sessions')].length, 1)
  t.same(told(later, 'session').slice(0, 1), ['created'])
  t.equal(before, 2, 'the start and the host')
  t.end()
})

t.test('a reader hears of an event when it is on disk, and no sooner', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  subscribe(harness, client, EVENTS)
  client.ask('session.create', demo)
  t.same(heard(harness), [])
  harness.commit()
  t.same(heard(harness), [3])
  harness.settle()
  t.same(heard(harness), [3, 4, 5])
  const { chunks, head } = client.call('stream.read', { session: EVENTS, from: 1 })
  t.same([chunks.length, head], [5, 5])
  t.end()
})

t.test('a write that fails takes its events with it, and leaves no hole', (t) => {
  const { harness, client, host, session } = withSession()
  subscribe(harness, client, EVENTS)
  const before = eventsOf(harness).length
  harness.journal.isFull = true
  t.match(client.failure('session.prompt', { session, text: 'x' }), { code: 'STORAGE_FULL' })
  t.match(client.failure('session.rename', { session, name: 'x' }), { code: 'STORAGE_FULL' })
  t.equal(eventsOf(harness).length, before)
  t.same(heard(harness), [])
  harness.journal.isFull = false
  client.call('session.prompt', { session, text: 'x' })
  host.endTurn(session, 1)
  t.same(heard(harness), [before + 1, before + 2])
  t.same(
    harness.stored(EVENTS).map(({ sequence }) => sequence),
    Array.from({ length: before + 2 }, (_, index) => index + 1),
  )
  t.same(told(harness, 'session').slice(-2), ['status running', 'status idle'])
  t.end()
})

t.test('the loss of a host is told again when it could not be written', (t) => {
  const { harness, host } = withSession()
  harness.journal.isFull = true
  host.leave()
  t.same(told(harness, 'session').at(-1), 'status idle')
  harness.journal.isFull = false
  harness.advance(2000)
  t.same(told(harness, 'session').at(-1), 'status lost')
  t.end()
})

t.test('hosts come and go, and one that only reconnects was never away', (t) => {
  const { harness, host } = setUp()
  const second = new Host(harness, 'h1')
  second.register()
  t.same(told(harness, 'host'), ['online'])
  host.leave()
  t.same(told(harness, 'host'), ['online'], 'the old connection is nobody')
  second.leave()
  t.same(told(harness, 'host'), ['online', 'offline'])
  t.match(eventsOf(harness).at(-1), { id: 'h1', data: { reason: 'disconnected' } })
  t.end()
})

t.test('a session that comes back with its host after a restart has changed nothing', (t) => {
  const { harness, session } = withSession()
  const later = harness.restart()
  const before = told(later, 'session').length
  const host = new Host(later, 'h1')
  host.register({ session, epoch: 1, produced: 0, turn: 0, pid: 4711 })
  later.advance(20_000)
  t.equal(told(later, 'session').length, before)
  t.same(told(later, 'system'), ['started', 'started'])
  t.end()
})

t.test('a session whose host stays away after a restart is told to be lost', (t) => {
  const { harness } = withSession()
  const later = harness.restart()
  t.equal(told(later, 'session').at(-1), 'status idle')
  later.advance(20_000)
  t.equal(told(later, 'session').at(-1), 'status lost')
  t.match(eventsOf(later).at(-1), { data: { previous: 'idle', reason: /not come back/ } })
  t.end()
})

t.test('the oldest events go, and readers are told of the gap', (t) => {
  const limits = { maxEvents: 16 }
  const { harness, client, session } = withSession({ limits })
  const rename = (of: Client, count: number) => {
    for (let index = 0; index < count; index += 1) {
      of.call('session.rename', { session, name: `name-${index}` })
    }
  }
  rename(client, 12)
  harness.advance(50)
  t.equal(eventsOf(harness).length, 17, 'a few more may be kept')
  rename(client, 1)
  harness.advance(50)
  t.equal(eventsOf(harness).length, 16)
  t.equal(harness.core.events.kept, 16)
  const { gaps, chunks } = client.call('stream.read', { session: EVENTS, from: 1 })
  t.same(gaps, [{ from: 1, to: 2, reason: 'retention' }])
  t.equal(chunks.length, 16)
  const later = harness.restart()
  t.equal(later.core.events.kept, 17, 'its start is one more')
  rename(new Client(later), 20)
  later.advance(100)
  t.equal(eventsOf(later).length, 16, 'also after a restart')
  t.end()
})

t.test('events with much in them go by their bytes, also those of before a restart', (t) => {
  const limits = { maxEventBytes: 100_000 }
  const { harness, client, session } = withSession({ limits })
  const annotate = (of: Client, count: number) => {
    for (let index = 0; index < count; index += 1) {
      of.call('session.annotate', { session, metadata: { text: 'x'.repeat(10_000) } })
    }
  }
  const bytesOf = (of: typeof harness) =>
    of.stored(EVENTS).reduce((sum, { body }) => sum + body.length, 0)
  annotate(client, 9)
  harness.advance(50)
  t.equal(harness.core.events.kept, eventsOf(harness).length)
  t.ok(bytesOf(harness) > 90_000, 'nothing goes before it has to')
  annotate(client, 20)
  harness.advance(1000)
  t.ok(bytesOf(harness) < 100_000)
  t.ok(bytesOf(harness) > 70_000)
  const later = harness.restart()
  later.advance(100)
  const known = later.core.events.keptBytes
  t.equal(
    known,
    later.stored(EVENTS).reduce((sum, { body }) => sum + body.length + 96, 0),
  )
  annotate(new Client(later), 5)
  later.advance(1000)
  t.ok(bytesOf(later) < 100_000)
  t.match(told(later, 'session').at(-1), 'annotated', 'the newest is there')
  t.end()
})

t.test('a session can be removed while the disk is full', (t) => {
  const { harness, client, host, session } = withSession()
  host.exit(session, 0)
  harness.journal.isFull = true
  client.failure('session.rename', { session, name: 'x' })
  client.call('session.remove', { session })
  t.equal(told(harness, 'session').at(-1), 'status ended')
  t.match(client.failure('session.get', { session }), { code: 'NO_SUCH_SESSION' })
  t.end()
})

t.test('another stream of the broker is there once it has been written to', (t) => {
  const { harness, client } = setUp()
  const stream = '@workflow/1'
  for (const method of ['stream.open', 'stream.readers'] as const) {
    t.match(client.failure(method, { session: stream }), { code: 'NO_SUCH_STREAM' })
  }
  t.match(client.failure('stream.read', { session: stream, from: 1 }), { code: 'NO_SUCH_STREAM' })
  for (const odd of ['@', '@ü', '@events ', '@events\0', `@${'x'.repeat(127)}`]) {
    t.match(client.failure('stream.open', { session: odd }), { code: 'NO_SUCH_STREAM' }, odd)
  }
  const told = { topic: 'workflow', event: 'started', id: '1', data: {} } as const
  harness.core.batch.add([event(told, stream), event(told)], () => {})
  harness.turn()
  t.match(client.call('stream.open', { session: stream }), { session: stream, head: 1 })
  t.match(eventsOf(harness, stream), [told])
  t.match(eventsOf(harness).at(-1), told)
  t.equal(harness.core.retention.totalBytes, 0, 'the limits of sessions do not count it')
  t.end()
})
