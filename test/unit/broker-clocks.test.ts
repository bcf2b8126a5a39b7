/** What the broker's core does when somebody sets the wall clock. */
import t from 'tap'
import { Client, Host, withSession } from '../support/core-peers.ts'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

for (const [name, jump] of [
  ['forwards', DAY],
  ['back', -DAY],
] as const) {
  t.test(`deadlines, tickets and uptime do not see a clock set ${name}`, (t) => {
    const { harness, client, host, session } = withSession({}, { holds: ['agent.prompt'] })
    const id = client.ask('session.prompt', { session, text: 'x' }, { remainingMs: 10_000 })
    const { ticket } = client.call('stream.open', { session })
    harness.jump(jump)
    harness.advance(9_000)
    t.equal(client.hasEnd(id), false)
    t.match(client.call('stream.readers', {}), { total: 1 })
    harness.advance(1_000)
    t.equal(client.errorOf(id).code, 'DEADLINE_EXCEEDED')
    t.equal(client.call('system.health', {}).uptime_ms, 10_000)
    harness.advance(20_000)
    t.equal(harness.core.tickets.redeem(ticket), undefined, 'void after its 30 s, not earlier')
    t.equal(host.heads('GOODBYE').length, 0)
    t.end()
  })

  t.test(`a key is neither forgotten nor kept for ever by a clock set ${name}`, (t) => {
    const { harness, client, host, session } = withSession()
    const prompt = () => client.call('session.prompt', { session, text: 'x' }, { key: 'k' })
    const first = prompt()
    harness.jump(jump)
    t.same(prompt(), first)
    t.equal(host.history.filter(({ method }) => method === 'agent.prompt').length, 1)
    t.ok(harness.core.idempotency.size > 0)
    harness.skip(DAY)
    t.equal(harness.core.idempotency.size, 0, 'a day later it is over')
    t.end()
  })

  t.test(`the order of a stream holds through a clock set ${name}`, (t) => {
    const { harness, client, host, session } = withSession()
    host.append(session, 'text', { content: 'before' })
    harness.jump(jump)
    host.append(session, 'text', { content: 'after' })
    const { chunks } = client.call('stream.read', { session, from: 1 })
    t.same(
      chunks.map(([sequence]) => sequence),
      [1, 2, 3, 4],
    )
    const [, , before, after] = chunks.map(([, time]) => time)
    t.equal((after ?? 0) - (before ?? 0), jump, 'time says what the clock said')
    t.end()
  })

  t.test(`a host that has only just gone is near, also with a clock set ${name}`, (t) => {
    const { harness, client, host, session } = withSession()
    host.leave()
    harness.jump(jump)
    const ask = () => client.failure('session.prompt', { session, text: 'x' })
    t.match(ask(), { code: 'HOST_LOST', retry_after_ms: 100 })
    harness.advance(6_000)
    t.equal(ask().retry_after_ms, undefined)
    t.end()
  })
}

t.test('over a restart, a clock that went back makes no key younger', (t) => {
  const { harness, client, session } = withSession()
  client.call('session.prompt', { session, text: 'x' }, { key: 'k' })
  const later = harness.restart({ jumpedMs: -30 * DAY })
  t.ok(later.core.idempotency.size > 0)
  later.skip(DAY)
  t.equal(later.core.idempotency.size, 0, 'it is forgotten after a day, not after 31')
  t.end()
})

t.test('over a restart, a clock that went forwards is time that has passed', (t) => {
  const { harness, client, session } = withSession()
  const first = client.call('session.prompt', { session, text: 'x' }, { key: 'k' })
  const soon = harness.restart({ jumpedMs: 23 * HOUR })
  soon.advance(100)
  const host = new Host(soon)
  host.register({ session, epoch: 1, produced: 0, turn: first.turn, pid: 1 })
  const again = new Client(soon).call('session.prompt', { session, text: 'x' }, { key: 'k' })
  t.same(again, first, 'inside the window the answer is still there')
  const late = soon.restart({ jumpedMs: 25 * HOUR })
  late.advance(100)
  t.equal(late.core.idempotency.size, 0)
  t.end()
})
