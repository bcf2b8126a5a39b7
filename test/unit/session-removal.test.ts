/** The end of sessions in the broker's core: removing, renaming, and ending what nobody can reach. */
import t from 'tap'
import { decodeBody } from '../../protocol/codec.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import { Client, demo, Host, setUp, withSession } from '../support/core-peers.ts'

/** After this a host that is away is not expected in a moment, ms. */
const AWAY_MS = 6000

const alive = (session: string, epoch = 1) => ({ session, epoch, produced: 0, turn: 0, pid: 4711 })

t.test('a removed session is gone with its stream, and its name is free', (t) => {
  const { harness, client, host } = setUp()
  const create = () => client.call('session.create', { ...demo, name: 'blue' }, { key: 'c' })
  const { session } = create()
  host.append(session, 'text', { content: 'hello' })
  host.exit(session, 0)
  t.same(client.call('session.remove', { session: 'blue' }), { session, name: 'blue' })
  for (const reference of ['blue', session]) {
    t.match(client.failure('session.get', { session: reference }), { code: 'NO_SUCH_SESSION' })
  }
  t.equal(harness.journal.head(session).sequence, 0)
  t.equal(create().session, session, 'what was answered under a key stays answered')
  t.not(client.call('session.create', { ...demo, name: 'blue' }).session, session)
  const later = new Client(harness.restart())
  t.match(later.failure('session.get', { session }), { code: 'NO_SUCH_SESSION' })
  t.end()
})

t.test('a session that lives is not removed', (t) => {
  const { harness, client, host, session } = withSession()
  const refused = { code: 'WRONG_STATE', executed: 'no' }
  t.match(client.failure('session.remove', { session, force: true }), refused)
  host.leave()
  t.match(client.failure('session.remove', { session }), { ...refused, message: /without force/ })
  t.equal(harness.core.sessions.size, 1)
  t.end()
})

t.test('a repeat of a removal gets its answer, and another one NO_SUCH_SESSION', (t) => {
  const { client, host, session } = withSession()
  host.exit(session, 0)
  const first = client.call('session.remove', { session }, { key: 'k' })
  t.same(client.call('session.remove', { session }, { key: 'k' }), first)
  t.match(client.failure('session.remove', { session }), { code: 'NO_SUCH_SESSION' })
  t.end()
})

t.test('readers of a removed session are told, and their tickets end', (t) => {
  const { harness, client, host, session } = withSession()
  host.exit(session, 0)
  const { ticket, topic } = client.call('stream.open', { session })
  const unused = client.call('stream.open', { session }).ticket
  harness.core.tickets.redeem(ticket)
  client.call('session.remove', { session })
  const last = harness.published.at(-1)
  t.match(last, { topic, message: { head: { kind: 'ERROR', id: '' } } })
  t.match(last && decodeBody(ErrorBody, last.message.body), { code: 'NO_SUCH_SESSION' })
  t.equal(harness.core.tickets.redeem(unused), undefined)
  t.equal(harness.core.tickets.size, 1, 'kept for its pipe to be unsubscribed')
  t.equal(harness.core.tickets.release(ticket)?.topic, topic)
  t.match(client.failure('stream.open', { session }), { code: 'NO_SUCH_SESSION' })
  t.match(client.failure('stream.read', { session, from: 1 }), { code: 'NO_SUCH_SESSION' })
  t.end()
})

t.test('a lost session can be removed by force, and its host is told to end it', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  client.ask('session.prompt', { session, text: 'x' })
  host.leave()
  client.call('session.remove', { session, force: true })
  const back = new Host(harness, 'h1')
  t.same(back.register(alive(session)).sessions, [{ session, keep: false, acknowledged: 0 }])
  back.append(session, 'text', { content: 'late' })
  t.same(back.complaints(), ['FENCED'])
  t.equal(harness.journal.head(session).sequence, 0)
  t.equal(harness.core.sessions.size, 0)
  t.equal(harness.core.redo.size, 0)
  t.end()
})

t.test('a full journal does not keep sessions from being removed', (t) => {
  const { harness, client, host, session } = withSession()
  host.exit(session, 0)
  harness.journal.isFull = true
  t.match(client.failure('session.remove', { session }, { key: 'k' }), { code: 'STORAGE_FULL' })
  t.match(client.call('session.remove', { session }, { key: 'k' }), { session })
  t.equal(harness.journal.get('sessions', session), undefined)
  t.end()
})

t.test('a removal that the journal refuses leaves the session as it was', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  host.exit(session, 0)
  harness.settle()
  const id = client.ask('session.remove', { session })
  harness.commit()
  t.match(client.failure('session.get', { session }), { code: 'NO_SUCH_SESSION' })
  harness.journal.refusesAll = true
  harness.commit()
  harness.journal.refusesAll = false
  harness.settle()
  t.match(client.errorOf(id), { code: 'STORAGE_FAILED' })
  t.match(client.call('session.get', { session }), { status: 'ended' })
  t.end()
})

t.test('stopping a session whose host is away for long ends it, and fences the host', (t) => {
  for (const method of ['session.stop', 'session.kill'] as const) {
    const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
    client.ask('session.prompt', { session, text: 'x' })
    host.leave()
    t.match(client.failure(method, { session }), { code: 'HOST_LOST' }, 'it may be back at once')
    harness.advance(AWAY_MS)
    const info = client.call(method, { session })
    t.match(info, { status: 'failed', pending_turns: 0, exit_code: null })
    t.match(info.reason, /while its host was away/)
    const types = harness.stored(session).map(({ type }) => type)
    t.same(types.slice(-2), [CHUNK_CODES.turn_complete, CHUNK_CODES.complete])
    const back = new Host(harness, 'h1')
    t.match(back.register(alive(session)).sessions, [{ session, keep: false }])
    t.match(client.call('session.get', { session }), { status: 'failed' })
    t.match(client.call('session.recover', { session }), { status: 'idle', epoch: 3 })
  }
  t.end()
})

t.test('a session gets another name, unless one that lives has it', (t) => {
  const { harness, client, host } = setUp()
  const create = (name: string) => client.call('session.create', { ...demo, name }).session
  const blue = create('blue')
  const green = create('green')
  t.match(client.failure('session.rename', { session: blue, name: 'green' }), {
    code: 'NAME_TAKEN',
  })
  t.match(client.call('session.rename', { session: 'blue', name: 'red' }), { name: 'red' })
  host.exit(green, 0)
  t.match(client.call('session.rename', { session: 'red', name: 'green' }), { session: blue })
  const later = new Client(harness.restart())
  t.match(later.call('session.get', { session: blue }), { name: 'green' })
  t.end()
})
