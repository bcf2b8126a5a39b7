/** What one connection can make the broker do by greetings, pings and rubbish, before and after its welcome. */
import t from 'tap'
import { decodeBundle, encodeBundle, type Message } from '../../protocol/bundle.ts'
import { decodeBody, EMPTY, encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { BrokerLink, type BrokerLinkEvent, LINK_LIMITS } from '../../protocol/link/broker-link.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import { GoodbyeBody } from '../../protocol/messages/handshake.ts'
import { PROTOCOL_MAJOR, PROTOCOL_MINOR } from '../../protocol/version.ts'

const HELLO: Message = {
  head: { kind: 'HELLO' },
  body: encode({
    ...{ major: PROTOCOL_MAJOR, minor: PROTOCOL_MINOR, features: [], software: 'test' },
    ...{ role: 'operator', principal: 'anna' },
  }),
}
const PROOF: Message = {
  head: { kind: 'PROOF' },
  body: encode({ nonce: Buffer.alloc(32), mac: Buffer.alloc(32) }),
}
const ping = (id: number): Message => ({ head: { kind: 'PING', id }, body: EMPTY })

function link(isChallenged = false) {
  const events: BrokerLinkEvent['type'][] = []
  const reached: string[] = []
  let greeted = 0
  const made = new BrokerLink(
    {
      heartbeat: { heartbeatMs: 1000, livenessMs: 6000 },
      outbox: { maxBytes: 1_000_000, maxMessages: 1_000_000 },
      limits: LINK_LIMITS,
      authenticate: ({ principal }) => {
        greeted += 1
        if (!isChallenged) return { verdict: 'accept', identity: { principal, roles: [] } }
        const verify = () => new ProtocolError('UNAUTHENTICATED', { principal })
        return { verdict: 'challenge', nonce: Buffer.alloc(32), verify }
      },
      welcome: () => ({
        ...{ credit: 0, epoch: 1, instance: 'i', software: 's', streams: '', resume: '' },
      }),
      health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: -1 }),
      onEvent: ({ type }) => events.push(type),
      onReady: () => {},
      onLimit: (name) => reached.push(name),
    },
    0,
  )
  const receive = (now: number, ...messages: Message[]) => {
    const { heads, bodies } = encodeBundle(messages)
    made.receive([heads, bodies], now)
  }
  const told = (): string[] => {
    const all: string[] = []
    for (let bundle = made.next(); bundle; bundle = made.next()) {
      for (const entry of decodeBundle([bundle.heads, bundle.bodies])) {
        if (entry.ok) all.push(describe(entry.message))
      }
    }
    return all
  }
  return { made, events, reached, receive, told, greeted: () => greeted }
}

function describe({ head, body }: Message): string {
  if (head.kind === 'ERROR') return `ERROR ${decodeBody(ErrorBody, body).code}`
  if (head.kind === 'GOODBYE') return `GOODBYE ${decodeBody(GoodbyeBody, body).code}`
  return head.kind
}

const many = (message: Message, count: number) => Array.from({ length: count }, () => message)

t.test('of a flood of HELLO only so many are looked at, and the sender is told once', (t) => {
  const { receive, told, greeted, reached, made } = link()
  receive(0, ...many(HELLO, 60))
  t.equal(greeted(), 16)
  t.same(told(), [...many(HELLO, 16).map(() => 'WELCOME'), 'ERROR OVERLOADED'])
  t.equal(reached.filter((name) => name === 'greetings').length, 44)
  t.equal(made.state.name, 'welcome')
  receive(500, HELLO, HELLO)
  t.equal(greeted(), 17, 'two a second from then on')
  t.end()
})

t.test('a peer that greets again and again while the broker hangs is not sent away', (t) => {
  const { receive, events, made } = link()
  receive(0, ...many(HELLO, 40)) // half a minute of greetings that were read at once
  t.equal(made.state.name, 'welcome')
  t.notOk(made.isBanned)
  t.notOk(events.includes('ended'))
  t.end()
})

t.test('who greets without end is cut off for a while', (t) => {
  const { receive, reached, made } = link()
  for (let bundle = 0; bundle < 12; bundle += 1) receive(0, ...many(HELLO, 100))
  t.equal(made.state.name, 'cut')
  t.ok(made.isBanned)
  t.ok(reached.includes('strikes'))
  t.end()
})

t.test('proofs count like greetings, and one that fails is a strike', (t) => {
  const { receive, told, greeted, made } = link(true)
  for (let round = 0; round < 8; round += 1) receive(0, HELLO, PROOF)
  t.equal(greeted(), 8)
  receive(0, HELLO, PROOF)
  t.equal(greeted(), 8, 'sixteen of both at once')
  t.ok(told().includes('ERROR UNAUTHENTICATED'))
  for (let round = 1; round < 20; round += 1) receive(round * 1000, HELLO, PROOF)
  t.equal(made.state.name, 'cut')
  t.equal(told().at(-1), 'GOODBYE UNAUTHENTICATED')
  t.end()
})

t.test('of a flood of PING only so many are answered, then the connection is cut off', (t) => {
  const { receive, told, made } = link()
  receive(0, HELLO)
  told()
  receive(0, ...Array.from({ length: 250 }, (_, id) => ping(id)))
  const answers = told()
  t.equal(answers.filter((kind) => kind === 'PONG').length, 200)
  t.equal(answers.filter((kind) => kind === 'ERROR OVERLOADED').length, 1)
  t.equal(made.state.name, 'welcome')
  for (let bundle = 0; bundle < 2; bundle += 1) {
    receive(0, ...Array.from({ length: 1000 }, (_, id) => ping(id)))
  }
  t.equal(made.state.name, 'cut')
  t.end()
})

t.test('before its welcome little waits for a peer that does not read', (t) => {
  const { receive, made, told } = link(true)
  const requests = Array.from({ length: 1000 }, (_, index): Message => {
    const head = { kind: 'REQUEST', id: `${index}`, method: 'session.list' } as const
    return { head: { ...head, target: '', remaining_ms: 0, key: '', trace: '' }, body: EMPTY }
  })
  for (let bundle = 0; bundle < 100; bundle += 1) receive(bundle, ...requests)
  t.equal(made.backlogCount, 32)
  t.equal(made.state.name, 'new', 'what it sent is no fault of its own')
  t.equal(told().length, 32)
  receive(200, ...requests.slice(0, 1))
  t.same(told(), ['ERROR NOT_WELCOME'], 'whoever reads is answered')
  t.end()
})
