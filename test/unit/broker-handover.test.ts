/** What becomes of a prompt that was on its way to a host when it greeted anew. */
import t from 'tap'
import type { CoreHarness } from '../support/core-harness.ts'
import { type Client, Host, withSession } from '../support/core-peers.ts'

const alive = (session: string, turn = 0) => ({
  ...{ session, epoch: 1, turn, produced: 0, pid: 4711 },
})

interface Asked {
  readonly harness: CoreHarness
  readonly client: Client
  readonly host: Host
  readonly session: string
  /** Of the prompt. */
  readonly id: string
}

/** The host has been sent the prompt, says nothing of it, and greets anew. */
function greetsAnew(): Asked {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
  const id = client.ask('session.prompt', { session, text: 'x' })
  harness.join(host)
  harness.turn()
  return { harness, client, host, session, id }
}

const promptsOf = (host: Host) => host.history.filter(({ method }) => method === 'agent.prompt')

t.test('one that the host has not seen is given to it again, and then answered', (t) => {
  const { client, host, session, id } = greetsAnew()
  t.notOk(client.hasEnd(id))
  t.match(client.call('session.get', { session }), { status: 'lost', pending_turns: 1 })
  host.register(alive(session))
  t.match(promptsOf(host), [{ params: { turn: 1 } }, { params: { turn: 1 } }])
  t.notOk(client.hasEnd(id))
  host.asked.shift() // of the connection that is void
  host.answer('agent.prompt')
  t.match(client.resultOf('session.prompt', id), { session, turn: 1 })
  t.end()
})

t.test('one that the host has seen is answered as soon as it says so', (t) => {
  const { client, host, session, id } = greetsAnew()
  host.register(alive(session, 1))
  t.match(client.resultOf('session.prompt', id), { session, turn: 1 })
  t.equal(promptsOf(host).length, 1)
  t.end()
})

t.test('a host that greets anew once more changes nothing', (t) => {
  const { harness, client, host, session, id } = greetsAnew()
  host.register(alive(session))
  harness.join(host)
  harness.turn()
  t.notOk(client.hasEnd(id))
  host.register(alive(session, 1))
  t.match(client.resultOf('session.prompt', id), { session, turn: 1 })
  t.end()
})

t.test('one that the host then refuses was not done, and its turn ends', (t) => {
  const { harness, client, host, session, id } = greetsAnew()
  host.register(alive(session))
  host.asked.shift()
  host.refuse('agent.prompt', 'AGENT_GONE')
  harness.settle()
  t.match(client.errorOf(id), { code: 'AGENT_GONE', executed: 'no' })
  t.match(client.call('session.get', { session }), { status: 'idle', pending_turns: 0 })
  t.end()
})

t.test('nobody is told that it was not done when its end could not be written', (t) => {
  const { harness, client, host, session, id } = greetsAnew()
  host.register(alive(session))
  host.asked.shift()
  harness.journal.isFull = true
  host.refuse('agent.prompt', 'AGENT_GONE')
  harness.settle()
  t.match(client.errorOf(id), { code: 'AGENT_GONE', executed: 'unknown' })
  t.end()
})

t.test('what became of it is not known when the host is lost after all', (t) => {
  const { harness, client, host, session, id } = greetsAnew()
  host.register(alive(session))
  host.leave()
  harness.settle()
  t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'unknown' })
  t.equal(harness.core.handovers.size, 0)
  new Host(harness, 'h1').register(alive(session, 1))
  t.match(client.call('session.get', { session }), { status: 'running', pending_turns: 1 })
  t.end()
})

t.test('it ends with its session when the host is back without that', (t) => {
  const { harness, client, host, session, id } = greetsAnew()
  host.register()
  harness.advance(100)
  t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'unknown' })
  t.match(client.call('session.get', { session }), { status: 'failed', pending_turns: 0 })
  t.end()
})

t.test('nobody waits for longer than some seconds for a host that does not register', (t) => {
  const { harness, client, id } = greetsAnew()
  harness.advance(4900)
  t.notOk(client.hasEnd(id))
  harness.advance(200)
  t.match(client.errorOf(id), { code: 'HOST_LOST', executed: 'unknown' })
  t.equal(harness.core.handovers.size, 0)
  t.equal(harness.core.calls.inFlight, 0)
  t.end()
})
