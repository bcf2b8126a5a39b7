/** The table of connections: its room for each side and each principal, and the time that a handshake has. */
import t from 'tap'
import { CONNECTION_LIMITS, type SideLimits } from '../../broker/connection-limits.ts'
import { Connections } from '../../broker/connections.ts'
import { sideOf } from '../../broker/router-socket.ts'
import { decodeBundle, encodeBundle, type Message } from '../../protocol/bundle.ts'
import { decodeBody, EMPTY, encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { LINK_LIMITS } from '../../protocol/link/broker-link.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import { GoodbyeBody, type HelloBody } from '../../protocol/messages/handshake.ts'
import { PROTOCOL_MAJOR, PROTOCOL_MINOR } from '../../protocol/version.ts'

/** Links without sockets: whoever names a principal is believed, `slow` is challenged. */
function table(network: Partial<SideLimits> = {}) {
  const reached: string[] = []
  const made = new Connections({
    limits: { ...CONNECTION_LIMITS, network: { ...CONNECTION_LIMITS.network, ...network } },
    link: {
      heartbeat: { heartbeatMs: 1000, livenessMs: 6000 },
      outbox: { maxBytes: 1_000_000, maxMessages: 1000 },
      limits: LINK_LIMITS,
      health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: -1 }),
    },
    sideOf,
    authenticate: (_, { principal }) =>
      principal === 'slow'
        ? {
            verdict: 'challenge',
            nonce: Buffer.alloc(32),
            verify: () => ({ principal, roles: [] }),
          }
        : { verdict: 'accept', identity: { principal, roles: [] } },
    welcome: () => ({
      ...{ credit: 0, epoch: 1, instance: 'i', software: 's', streams: '', resume: '' },
    }),
    onEvent: () => {},
    onReady: () => {},
    onLimit: (name) => reached.push(name),
  })
  const receive = (id: string, now: number, ...messages: Message[]) => {
    const { heads, bodies } = encodeBundle(messages)
    return made.receive(id, [heads, bodies], now)
  }
  const greet = (id: string, principal: string, now = 0) => receive(id, now, hello(principal))
  /** What waits to be sent, as kinds and codes. */
  const told = (id: string): string[] => {
    const all: string[] = []
    for (let bundle = made.next(id); bundle; bundle = made.next(id)) {
      for (const entry of decodeBundle([bundle.heads, bundle.bodies])) {
        if (entry.ok) all.push(describe(entry.message))
      }
    }
    return all
  }
  return { made, greet, receive, told, reached }
}

function hello(principal: string): Message {
  const version = { major: PROTOCOL_MAJOR, minor: PROTOCOL_MINOR, features: [] }
  const body: HelloBody = { ...version, role: 'operator', principal, software: 'test' }
  return { head: { kind: 'HELLO' }, body: encode(body) }
}

function describe({ head, body }: Message): string {
  if (head.kind === 'ERROR') return `ERROR ${decodeBody(ErrorBody, body).code}`
  if (head.kind === 'GOODBYE') return `GOODBYE ${decodeBody(GoodbyeBody, body).code}`
  return head.kind
}

t.test('a full network keeps no user of this machine out', (t) => {
  const { greet, told, reached, made } = table({ maxConnections: 2 })
  for (const id of ['n:1', 'n:2']) greet(id, id)
  const refusal = greet('n:3', 'late')
  t.ok(refusal, 'one more of the network is refused')
  t.equal(greet('l:1', 'local'), undefined)
  t.same(told('l:1'), ['WELCOME'])
  t.same(reached, ['connections'])
  made.gone('n:1', 1)
  t.equal(greet('n:3', 'late'), undefined, 'until one has gone')
  t.end()
})

t.test('of too many that do not shake hands the one that came first goes', (t) => {
  const { greet, told, reached, made } = table({ maxGreeting: 2 })
  greet('n:friend', 'friend')
  for (const id of ['n:1', 'n:2', 'n:3']) greet(id, 'slow')
  t.same(told('n:1'), ['GOODBYE OVERLOADED'])
  t.same(told('n:2'), ['CHALLENGE'])
  t.same(told('n:3'), ['CHALLENGE'])
  t.same(told('n:friend'), ['WELCOME'], 'whoever is welcome stays')
  t.equal(made.greetingCount('network'), 2)
  t.same(reached, ['handshakes'])
  made.tick(1)
  greet('n:1', 'honest', 2)
  t.same(told('n:1'), ['WELCOME'], 'who had to go may come again at once')
  t.end()
})

t.test('a connection that does not shake hands in time is cut off, and may begin anew', (t) => {
  const { greet, told, reached, made, receive } = table()
  greet('n:1', 'slow')
  greet('n:2', 'friend')
  told('n:1')
  made.tick(5000)
  receive('n:1', 9000, { head: { kind: 'PING', id: 1 }, body: EMPTY })
  receive('n:2', 9000, { head: { kind: 'PING', id: 1 }, body: EMPTY })
  t.same(told('n:1'), ['ERROR NOT_WELCOME'], 'saying something else is no handshake')
  made.tick(10_000)
  t.same(told('n:1'), ['GOODBYE DEADLINE_EXCEEDED'])
  t.equal(made.ends.get('DEADLINE_EXCEEDED'), 1)
  t.same(reached, ['handshake_time'])
  made.tick(10_050)
  t.notOk(made.has('n:1'))
  t.ok(made.has('n:2'))
  t.end()
})

t.test('one that has to shake hands again has as much time for it', (t) => {
  const { greet, told, made, receive } = table()
  const ping: Message = { head: { kind: 'PING', id: 1 }, body: EMPTY }
  greet('n:1', 'anna')
  made.tick(5000)
  made.greetAgain(({ principal }) => principal === 'anna')
  t.equal(made.greetingCount('network'), 1)
  receive('n:1', 9000, ping)
  told('n:1')
  made.tick(14_000)
  t.same(told('n:1'), [])
  receive('n:1', 14_500, ping)
  made.tick(15_000)
  t.equal(told('n:1').at(-1), 'GOODBYE DEADLINE_EXCEEDED')
  t.end()
})

t.test('a principal has only so many connections, others theirs', (t) => {
  const { greet, told, reached, made } = table({ maxPerPrincipal: 2 })
  for (const id of ['n:1', 'n:2', 'n:3']) greet(id, 'anna')
  t.same(told('n:3'), ['ERROR OVERLOADED'])
  t.same(reached, ['principal_connections'])
  greet('n:4', 'bob')
  t.same(told('n:4'), ['WELCOME'])
  told('n:1')
  greet('n:1', 'anna', 1)
  t.same(told('n:1'), ['WELCOME'], 'shaking hands again takes no further place')
  made.gone('n:2', 2)
  greet('n:3', 'anna', 3)
  t.same(told('n:3'), ['WELCOME'], 'once one has gone')
  for (let count = 0; count < 10; count += 1) greet(`l:${count}`, 'anna')
  t.equal(told('l:9').at(-1), 'WELCOME', 'on this machine there is no such limit')
  t.end()
})

t.test('also one whose proof holds is refused when its principal has too many', (t) => {
  const { greet, told, receive } = table({ maxPerPrincipal: 1 })
  const proof = { nonce: Buffer.alloc(32), mac: Buffer.alloc(32) }
  for (const id of ['n:1', 'n:2']) {
    greet(id, 'slow')
    told(id)
    receive(id, 1, { head: { kind: 'PROOF' }, body: encode(proof) })
  }
  t.same(told('n:1'), ['WELCOME'])
  t.match(told('n:2')[0], /OVERLOADED/)
  t.end()
})

t.test('what waits for a principal that does not read is bounded over all its connections', (t) => {
  const { greet, told, made, reached } = table({ maxOutboxBytes: 20_000 })
  for (const id of ['n:1', 'n:2']) greet(id, 'anna')
  greet('n:3', 'bob')
  const reply = (id: string) => made.send(id, { kind: 'REPLY', id: 'x' }, Buffer.alloc(8000))
  for (const id of ['n:1', 'n:2', 'n:3']) reply(id)
  t.same(reached, [])
  reply('n:2')
  t.same(reached, ['principal_outbox'])
  t.same(told('n:2'), ['GOODBYE OVERLOADED'], 'the one that was to get more')
  t.same(told('n:1'), ['WELCOME', 'REPLY'])
  t.same(told('n:3'), ['WELCOME', 'REPLY'])
  t.end()
})

t.test('connections that were cut off take nobody else the room', (t) => {
  const { greet, told, receive, made } = table({ maxConnections: 3 })
  for (const id of ['n:1', 'n:2', 'n:3']) {
    greet(id, id)
    for (let strike = 0; strike < LINK_LIMITS.maxStrikes; strike += 1) made.receive(id, [EMPTY], 0)
    t.equal(told(id).at(-1), 'GOODBYE BAD_FRAME')
  }
  for (const id of ['n:4', 'n:5', 'n:6']) greet(id, id)
  t.same(told('n:6'), ['WELCOME'])
  receive('n:1', 1, hello('n:1'))
  t.same(told('n:1'), [], 'and they are ignored for a while')
  t.end()
})

t.test('those that are ignored are not remembered without end', (t) => {
  const { greet, made } = table({ maxConnections: 3 })
  for (let count = 0; count < 100; count += 1) {
    greet(`n:${count}`, 'x')
    for (let strike = 0; strike < LINK_LIMITS.maxStrikes; strike += 1) {
      made.receive(`n:${count}`, [EMPTY], 0)
    }
  }
  t.equal(made.size, 3)
  t.end()
})

t.test('one that was cut off and does not read why is forgotten all the same', (t) => {
  const { greet, made } = table({ maxGreeting: 1 })
  greet('n:1', 'slow')
  greet('n:2', 'slow')
  made.tick(4000)
  t.ok(made.has('n:1'), 'GOODBYE waits for it')
  made.tick(5000)
  t.notOk(made.has('n:1'))
  t.end()
})

t.test('one that is banished is not heard for a while, and its principal keeps the others', (t) => {
  const { greet, told, made } = table()
  for (const id of ['n:1', 'n:2']) greet(id, 'anna')
  told('n:1')
  made.banish('n:1', new ProtocolError('OVERLOADED', { what: 'it', limit: 1 }), 0)
  t.same(told('n:1'), ['GOODBYE OVERLOADED'])
  made.tick(30_000)
  greet('n:1', 'anna', 30_000)
  t.same(told('n:1'), [])
  greet('n:2', 'anna', 30_000)
  t.equal(told('n:2').at(-1), 'WELCOME')
  t.end()
})

t.test('when the socket of the network is gone all of its connections are', (t) => {
  const { greet, made } = table()
  for (const id of ['n:1', 'n:2', 'l:1']) greet(id, 'x')
  greet('n:3', 'slow')
  made.sideGone('network', 1)
  t.same([made.size, made.has('l:1'), made.greetingCount('network')], [1, true, 0])
  t.equal(made.ends.get('disconnected'), 3)
  t.end()
})
