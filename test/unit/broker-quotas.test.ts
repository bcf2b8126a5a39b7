/** What principals may ask for: calls, changes, time, calls under way, tickets; and what happens at each limit. */
import t from 'tap'
import { QUOTA_LIMITS, type Quota, type QuotaLimits } from '../../broker/core/quotas.ts'
import { TICKET_LIMITS } from '../../broker/core/tickets.ts'
import { EMPTY, encode } from '../../protocol/codec.ts'
import type { ProtocolError } from '../../protocol/errors.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import type { HarnessOptions } from '../support/core-harness.ts'
import { Client, demo, setUp } from '../support/core-peers.ts'
import { addPrincipal } from '../support/core-people.ts'

function quotas(principal: Partial<Quota>, others: Partial<QuotaLimits> = {}): QuotaLimits {
  return { ...QUOTA_LIMITS, principal: { ...QUOTA_LIMITS.principal, ...principal }, ...others }
}

/** A broker with these limits, and somebody who is connected from another machine. */
function stage(principal: Partial<Quota>, options: HarnessOptions = {}) {
  const banished: [connection: string, error: ProtocolError][] = []
  const { harness, host } = setUp({
    ...options,
    limits: { quotas: quotas(principal), ...options.limits },
    access: { banish: (connection, error) => banished.push([connection, error]) },
  })
  const remote = (name: string, role: Role = 'operator') =>
    new Client(harness, name, [role], { key: `key of ${name}` })
  const reached = (limit: Parameters<typeof harness.core.tally.limitsReached.get>[0]) =>
    harness.core.tally.limitsReached.get(limit) ?? 0
  return { harness, host, remote, reached, banished, anna: remote('anna') }
}

/** Calls until one is refused; how many went well, and the error. */
function untilRefused(client: Client, most = 1000) {
  for (let calls = 0; calls < most; calls += 1) {
    const id = client.ask('session.list', {})
    if (client.kindsOf(id).includes('ERROR')) return { calls, error: client.errorOf(id) }
  }
  throw new Error('nothing was refused')
}

t.test('a principal that calls too often is told when to come again, and others are not', (t) => {
  const { harness, anna, remote, reached } = stage({ callsPerSecond: 10 })
  const { calls, error } = untilRefused(anna)
  t.equal(calls, 20, 'two seconds of them at once')
  t.match(error, {
    code: 'OVERLOADED',
    executed: 'no',
    retryable: true,
    retry_after_ms: 100,
    details: { what: 'the allowance of calls of anna', limit: '10 a second' },
  })
  t.match(remote('bob').call('session.list', {}), { sessions: [] })
  t.equal(reached('calls_rate'), 1)
  harness.skip(100)
  t.match(anna.call('session.list', {}), { sessions: [] })
  t.equal(anna.failure('session.list', {}).code, 'OVERLOADED')
  t.end()
})

t.test('each of many that are refused is told another time', (t) => {
  const { anna } = stage({ callsPerSecond: 10 })
  untilRefused(anna)
  const told = [1, 2, 3].map(() => anna.failure('session.list', {}).retry_after_ms)
  t.same(told, [200, 300, 400])
  t.end()
})

t.test('all connections of a principal have one allowance', (t) => {
  const { anna, remote } = stage({ callsPerSecond: 10 })
  untilRefused(anna)
  t.equal(remote('anna').failure('session.list', {}).code, 'OVERLOADED')
  t.end()
})

t.test('what is refused for other reasons counts as a call as well', (t) => {
  const { remote, anna } = stage({ callsPerSecond: 10 })
  const olga = remote('olga', 'observer')
  for (let count = 0; count < 20; count += 1) {
    t.equal(olga.failure('session.create', demo).code, 'FORBIDDEN')
  }
  t.equal(olga.failure('session.create', demo).code, 'OVERLOADED')
  const head = { kind: 'REQUEST', method: 'no.such', target: '', remaining_ms: 0 } as const
  for (let count = 0; count < 25; count += 1) {
    anna.send([{ ...head, id: `x${count}`, key: '', trace: '' }, EMPTY])
  }
  const codes = Array.from({ length: 25 }, (_, index) => anna.errorOf(`x${index}`).code)
  t.same(new Set(codes.slice(0, 20)), new Set(['UNKNOWN_METHOD']))
  t.same(new Set(codes.slice(20)), new Set(['OVERLOADED']))
  t.end()
})

t.test('an id that is under way is not ended by a refusal of its second use', (t) => {
  const { anna, host } = stage({ callsPerSecond: 10 })
  host.holds.add('agent.start')
  anna.ask('session.create', demo, { id: 'busy' })
  untilRefused(anna)
  anna.ask('session.list', {}, { id: 'busy' })
  t.notOk(anna.hasEnd('busy'))
  host.answer('agent.start')
  t.match(anna.resultOf('session.create', 'busy'), { status: 'idle' })
  t.end()
})

t.test('a CANCEL that finds nothing counts, and goes unanswered when there are too many', (t) => {
  const { anna } = stage({ callsPerSecond: 10 })
  for (let count = 0; count < 30; count += 1) anna.cancel(`c${count}`)
  const answered = Array.from({ length: 30 }, (_, index) => anna.hasEnd(`c${index}`))
  t.equal(answered.filter(Boolean).length, 20)
  t.end()
})

t.test(
  'users of this machine may ask as much as they like, unless they are told otherwise',
  (t) => {
    const { harness } = stage({
      callsPerSecond: 1,
      writesPerSecond: 1,
      inFlight: 1,
      timePercent: 1,
    })
    const local = new Client(harness)
    for (let count = 0; count < 500; count += 1) {
      local.call('state.set', { key: `k${count}`, value: 1 })
    }
    t.equal(harness.core.quotas.size, 0, 'nothing is remembered of them')
    const limited = setUp({
      limits: { quotas: quotas({}, { local: { ...QUOTA_LIMITS.local, callsPerSecond: 5 } }) },
    })
    t.equal(untilRefused(limited.client).error.code, 'OVERLOADED')
    t.end()
  },
)

t.test('calls that change something have an allowance of their own', (t) => {
  const { anna, reached } = stage({ callsPerSecond: 100, writesPerSecond: 2 })
  const set = (key: string) => anna.ask('state.set', { key, value: 1 })
  for (const key of ['a', 'b', 'c', 'd']) t.ok(anna.hasEnd(set(key)))
  t.match(anna.errorOf(set('e')), {
    code: 'OVERLOADED',
    executed: 'no',
    retry_after_ms: 500,
    details: { limit: '2 a second' },
  })
  t.match(anna.call('state.list', {}), { entries: { length: 4 } }, 'reading goes on')
  t.equal(reached('writes_rate'), 1)
  t.end()
})

t.test('a principal whose calls take long has to rest as long as others need', (t) => {
  const { harness, anna, remote, reached } = stage({ timePercent: 50 })
  const { quotas: spent } = harness.core
  const identity = { principal: 'anna', roles: ['operator'] as const, key: 'key of anna' }
  spent.worked(identity, 1000, 0)
  t.match(anna.call('session.list', {}), {}, 'a second of work at once is free')
  spent.worked(identity, 500, 0)
  t.match(anna.failure('session.list', {}), {
    code: 'OVERLOADED',
    retry_after_ms: 1000,
    details: { limit: '50 % of the time' },
  })
  t.match(remote('bob').call('session.list', {}), {})
  t.equal(reached('calls_time'), 1)
  harness.skip(1000)
  t.match(anna.call('session.list', {}), {})
  t.end()
})

t.test('calls under way are counted for a principal over all its connections', (t) => {
  const { harness, host, anna, remote, reached } = stage({ inFlight: 2 })
  host.holds.add('agent.start')
  const other = remote('anna')
  const first = anna.ask('session.create', demo)
  other.ask('session.create', demo)
  t.match(other.failure('session.create', demo), {
    code: 'OVERLOADED',
    executed: 'no',
    retry_after_ms: 100,
    details: { what: 'the number of calls in flight of anna', limit: 2 },
  })
  t.match(remote('bob').call('session.list', {}), {})
  t.equal(reached('calls_in_flight'), 1)
  host.answer('agent.start')
  t.ok(anna.hasEnd(first))
  t.match(anna.call('session.list', {}), {}, 'one has ended')
  anna.leave()
  other.leave()
  t.same(harness.core.calls.loadOf('anna'), { calls: 0, bytes: 0 }, 'and nothing is left behind')
  t.end()
})

t.test('parameters of calls under way take only so much memory', (t) => {
  const { host, anna } = stage({ inFlightBytes: 5000 })
  host.holds.add('agent.start')
  const metadata = { text: 'x'.repeat(4000) }
  anna.ask('session.create', { ...demo, metadata })
  anna.ask('session.create', { ...demo, metadata })
  t.match(anna.failure('session.create', demo), {
    code: 'OVERLOADED',
    details: { what: 'the memory for calls in flight of anna', limit: '5000 bytes' },
  })
  t.end()
})

t.test('what a gateway asks for a user counts for both, each by its own limits', (t) => {
  const limits = { gateway: { ...QUOTA_LIMITS.gateway, callsPerSecond: 20 } }
  const { harness, remote } = stage(
    { callsPerSecond: 10 },
    { limits: { quotas: quotas({ callsPerSecond: 10 }, limits) } },
  )
  for (const name of ['anna', 'bob']) addPrincipal(harness, name)
  const gateway = remote('door', 'gateway')
  const calls = (user: string) => {
    const ids = Array.from({ length: 30 }, () => gateway.ask('session.list', {}, { user }))
    return ids.filter((id) => gateway.kindsOf(id).includes('REPLY')).length
  }
  t.equal(calls('anna'), 20, 'her own limit')
  t.equal(calls('bob'), 10, 'what is left to the gateway')
  t.match(remote('bob').call('session.list', {}), {}, 'who has not used his own')
  t.end()
})

t.test('calls in flight of a gateway are those of all its users', (t) => {
  const gateway = { ...QUOTA_LIMITS.gateway, inFlight: 2 }
  const { harness, host, remote } = stage({}, { limits: { quotas: quotas({}, { gateway }) } })
  for (const name of ['anna', 'bob', 'carl']) addPrincipal(harness, name)
  host.holds.add('agent.start')
  const door = remote('door', 'gateway')
  for (const user of ['anna', 'bob']) door.ask('session.create', demo, { user })
  t.match(door.failure('session.create', demo, { user: 'carl' }), {
    details: { what: 'the number of calls in flight of door' },
  })
  t.end()
})

t.test('whoever goes on in spite of all answers loses the connection for a while', (t) => {
  const { anna, banished, reached } = stage({ callsPerSecond: 10 })
  const refused = 40 * 10
  for (let count = 0; count < 20 + refused; count += 1) anna.ask('session.list', {})
  t.same(banished, [])
  const id = anna.ask('session.list', {})
  t.match(banished, [[anna.connection, { code: 'OVERLOADED' }]])
  t.notOk(anna.hasEnd(id), 'GOODBYE says it')
  t.equal(reached('abuse'), 1)
  t.end()
})

t.test('an SDK may have as many calls under way as it can, and is not sent away for it', (t) => {
  const { harness, anna, banished } = stage({})
  const body = encode({})
  const head = { kind: 'REQUEST', method: 'session.list', target: '', remaining_ms: 0 } as const
  for (let bundle = 0; bundle < 64; bundle += 1) {
    const requests = Array.from({ length: 1024 }, (_, index) => {
      return [{ ...head, id: `${bundle}.${index}`, key: '', trace: '' }, body] as const
    })
    anna.send(...requests)
  }
  t.same(banished, [])
  t.equal(harness.core.tally.limitsReached.get('calls_rate'), 65_536 - 4000)
  t.end()
})

t.test('a principal that rests is forgotten', (t) => {
  const { harness, anna } = stage({})
  anna.call('session.list', {})
  t.equal(harness.core.quotas.size, 1)
  harness.skip(20_000)
  t.equal(harness.core.quotas.size, 0)
  t.end()
})

t.test(
  'a principal holds so many tickets on all its connections; users of this machine any number',
  (t) => {
    const { harness, anna, remote, reached } = stage(
      {},
      { limits: { tickets: { ...TICKET_LIMITS, maxPerPrincipal: 3 } } },
    )
    const session = '@events'
    const other = remote('anna')
    for (const client of [anna, anna, other]) client.call('stream.open', { session })
    t.match(other.failure('stream.open', { session }), {
      code: 'OVERLOADED',
      executed: 'no',
      retry_after_ms: 1000,
      details: { what: 'the set of tickets of anna', limit: 3 },
    })
    t.equal(reached('tickets'), 1)
    t.match(remote('bob').call('stream.open', { session }), {})
    const local = new Client(harness)
    for (let count = 0; count < 10; count += 1) local.call('stream.open', { session })
    other.leave()
    t.match(anna.call('stream.open', { session }), {}, 'the one of the other connection is free')
    harness.skip(30_000)
    t.equal(harness.core.tickets.size, 0, 'nobody redeemed them')
    for (let count = 0; count < 3; count += 1) anna.call('stream.open', { session })
    t.end()
  },
)
