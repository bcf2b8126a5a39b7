import { createHmac, timingSafeEqual } from 'node:crypto'
import t from 'tap'
import { encodeBundle, type Message } from '../../protocol/bundle.ts'
import { decodeBody, encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { type BrokerLink, LINK_LIMITS, type Verdict } from '../../protocol/link/broker-link.ts'
import { HEARTBEAT } from '../../protocol/link/heartbeat.ts'
import { OUTBOX_LIMITS } from '../../protocol/link/outbox.ts'
import {
  type LinkEvent,
  PEER_RETRY,
  PeerLink,
  SILENT_AFTER_MS,
} from '../../protocol/link/peer-link.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import { GoodbyeBody, type HelloBody } from '../../protocol/messages/handshake.ts'
import type { Head } from '../../protocol/messages/index.ts'
import { CALM, VirtualNetwork, type VirtualPeer } from '../support/virtual-link.ts'

const NONE = Buffer.alloc(0)
const KEY = Buffer.alloc(32, 7)
const mac = (key: Buffer, nonce: Buffer) => createHmac('sha256', key).update(nonce).digest()

/** Challenges everybody, with another nonce each time. */
function challenger(): (hello: HelloBody) => Verdict {
  let count = 0
  return ({ principal, role }) => {
    count += 1
    const nonce = Buffer.alloc(32, count)
    return {
      verdict: 'challenge',
      nonce,
      verify: (given) =>
        timingSafeEqual(given, mac(KEY, nonce))
          ? { principal, roles: [role] }
          : new ProtocolError('UNAUTHENTICATED', { principal }),
    }
  }
}

const credentials = { key: '', prove: (nonce: Buffer) => mac(KEY, nonce) }

function frames(...messages: readonly { head: Head; body?: unknown }[]): [Buffer, Buffer] {
  const { heads, bodies } = encodeBundle(
    messages.map(({ head, body }) => ({ head, body: body === undefined ? NONE : encode(body) })),
  )
  return [heads, bodies]
}

const request = (id: string): Head => ({
  kind: 'REQUEST',
  id,
  method: 'session.list',
  target: '',
  remaining_ms: 0,
  key: '',
  trace: '',
})

const hello: HelloBody = {
  major: 1,
  minor: 0,
  features: [],
  role: 'operator',
  principal: 'anna',
  software: 'test',
}

const messagesOf = (peer: VirtualPeer): Message[] =>
  peer.events.flatMap((event) => (event.type === 'message' ? [event.message] : []))

function errorOf(events: readonly LinkEvent[], type: 'refused' | 'complaint'): ProtocolError {
  for (const event of events) {
    if (event.type === type) return event.error
  }
  throw new Error(`no ${type}`)
}

t.test('a peer that the broker accepts is welcome on both sides', async (t) => {
  const net = new VirtualNetwork()
  const peer = net.peer('anna')
  net.run(100)
  t.same(peer.story, ['welcomed'])
  t.equal(peer.link.state, 'welcome')
  t.match(net.broker.link('anna')?.state, {
    name: 'welcome',
    identity: { principal: 'anna', roles: ['operator'] },
  })
  t.match(peer.events[0], {
    welcome: { principal: 'anna', minor: 0, features: ['streams', 'tickets'], credit: 1000 },
  })
})

t.test('a peer with the right key answers the challenge', async (t) => {
  const net = new VirtualNetwork({ broker: { authenticate: challenger() } })
  const peer = net.peer('anna', { credentials })
  net.run(100)
  t.same(peer.story, ['welcomed'])
  t.equal(net.broker.stateOf('anna'), 'welcome')
})

t.test('a peer with a wrong key, or without one, is refused for good', async (t) => {
  const wrong = { key: '', prove: (nonce: Buffer) => mac(Buffer.alloc(32), nonce) }
  for (const options of [{ credentials: wrong }, {}]) {
    const net = new VirtualNetwork({ broker: { authenticate: challenger() } })
    const peer = net.peer('anna', options)
    net.run(10_000)
    t.same(peer.story, ['refused'])
    t.equal(peer.link.state, 'refused')
    t.match(errorOf(peer.events, 'refused'), { code: 'UNAUTHENTICATED', message: /anna/ })
    t.equal(peer.link.send(request('1')), false)
  }
})

t.test('a slow broker that challenges welcomes whoever has greeted it twice', async (t) => {
  for (const oneWayMs of [150, 400, 900]) {
    const weather = { ...CALM, minMs: oneWayMs, maxMs: oneWayMs }
    const net = new VirtualNetwork({ weather, broker: { authenticate: challenger() } })
    const peer = net.peer('anna', { credentials })
    net.run(15_000)
    t.notOk(peer.story.includes('refused'))
    t.equal(peer.count('welcomed'), 1, `${oneWayMs} ms each way`)
    t.equal(net.broker.stateOf('anna'), 'welcome')
  }
})

t.test('a proof for an older challenge is passed over', async (t) => {
  const net = new VirtualNetwork({ broker: { authenticate: challenger() } })
  const nonces = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const proofs = nonces.map((nonce) => ({
    head: { kind: 'PROOF' } as const,
    body: { nonce, mac: mac(KEY, nonce) },
  }))
  const greeting = { head: { kind: 'HELLO' } as const, body: hello }
  net.broker.receive('anna', frames(greeting, greeting))
  for (const proof of proofs) net.broker.receive('anna', frames(proof))
  t.equal(net.broker.stateOf('anna'), 'welcome')
  for (const proof of proofs) net.broker.receive('anna', frames(proof))
  t.equal(net.broker.stateOf('anna'), 'welcome')
})

t.test(
  'a peer that greets again has nothing of what it had, whether it finishes or not',
  async (t) => {
    const net = new VirtualNetwork({ broker: { authenticate: challenger() } })
    net.peer('anna', { credentials })
    net.run(100)
    net.broker.receive('anna', frames({ head: { kind: 'HELLO' }, body: hello }))
    t.match(net.broker.eventsOf('anna').at(-1), { type: 'unwelcome' })
    net.broker.receive('anna', frames({ head: request('1') }))
    t.match(net.broker.eventsOf('anna').at(-1), { type: 'unwelcome' }, 'and nothing is heard of it')
  },
)

t.test('a peer whose rights have changed has nothing until it has greeted again', async (t) => {
  const net = new VirtualNetwork()
  const peer = net.peer('anna')
  net.run(100)
  net.broker.link('anna')?.greetAgain()
  t.match(net.broker.eventsOf('anna').at(-1), { type: 'unwelcome' })
  net.run(1000)
  t.same(peer.story, ['welcomed', 'lost', 'welcomed'])
})

t.test('a connection that tries one proof after the other is cut off', async (t) => {
  let nonce: Buffer = Buffer.alloc(0)
  const authenticate = (greeting: HelloBody): Verdict => {
    const verdict = challenge(greeting)
    if (verdict.verdict === 'challenge') nonce = verdict.nonce
    return verdict
  }
  const challenge = challenger()
  const net = new VirtualNetwork({ broker: { authenticate } })
  for (let attempt = 0; attempt < 20; attempt += 1) {
    net.broker.receive('anna', frames({ head: { kind: 'HELLO' }, body: hello }))
    const body = { nonce, mac: Buffer.alloc(32, attempt) }
    net.broker.receive('anna', frames({ head: { kind: 'PROOF' }, body }))
  }
  t.match(net.broker.eventsOf('anna').at(-1), { type: 'ended', how: 'UNAUTHENTICATED' })
})

t.test('a peer that the broker refuses gives up and says why', async (t) => {
  const error = new ProtocolError('FORBIDDEN', {
    principal: 'anna',
    scope: 'host',
    method: 'HELLO',
  })
  const net = new VirtualNetwork({
    broker: { authenticate: () => ({ verdict: 'refuse', error }) },
  })
  const peer = net.peer('anna')
  net.run(10_000)
  t.same(peer.story, ['refused'])
  t.equal(errorOf(peer.events, 'refused').message, error.message)
})

t.test('what follows in a bundle behind the end of a link is not read', async (t) => {
  const net = new VirtualNetwork({ broker: { authenticate: challenger() } })
  const peer = net.peer('anna') // it has no key
  const goodbye = { code: 'UNAUTHENTICATED', reason: 'who are you?' }
  const challenge = { head: { kind: 'CHALLENGE' } as const, body: { nonce: Buffer.alloc(32) } }
  net.arrive('anna', frames(challenge, { head: { kind: 'GOODBYE' }, body: goodbye }))
  t.same(peer.story, ['refused'])
})

t.test('pings are answered up to what may wait, when nothing is taken', async (t) => {
  const link = new PeerLink({
    role: 'operator',
    principal: 'anna',
    software: 'test',
    silentAfterMs: SILENT_AFTER_MS,
    retry: PEER_RETRY,
    random: () => 0,
    health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: -1 }),
    onEvent: () => undefined,
    onReady: () => undefined,
  })
  const pings = frames(
    ...Array.from({ length: 1024 }, () => ({ head: { kind: 'PING', id: 1 } as const })),
  )
  for (let sent = 0; sent <= OUTBOX_LIMITS.maxMessages; sent += 1024) link.receive(pings, 0)
  link.receive(pings, 0)
  t.equal(link.backlog.count, OUTBOX_LIMITS.maxMessages + 1)
})

t.test('another major version is refused with both versions named', async (t) => {
  const net = new VirtualNetwork()
  net.broker.receive('anna', frames({ head: { kind: 'HELLO' }, body: { ...hello, major: 9 } }))
  const peer = net.peer('anna')
  net.run(1)
  t.same(peer.story, ['refused'])
  t.match(errorOf(peer.events, 'refused'), {
    code: 'VERSION_MISMATCH',
    message: /9\.0 .* 1\.0/,
  })
})

t.test('a newer minor version is welcome with the lower of both', async (t) => {
  const net = new VirtualNetwork()
  net.broker.receive('anna', frames({ head: { kind: 'HELLO' }, body: { ...hello, minor: 9 } }))
  const peer = net.peer('anna')
  net.run(1)
  t.match(peer.events[0], { type: 'welcomed', welcome: { minor: 0, features: [] } })
})

t.test('after a broker restart the peer shakes hands again by itself', async (t) => {
  const net = new VirtualNetwork({ broker: { authenticate: challenger() } })
  const peer = net.peer('anna', { credentials })
  net.run(500)
  net.broker.restart()
  t.ok(peer.link.send(request('1')))
  net.run(500)
  t.same(peer.story, ['welcomed', 'lost', 'welcomed'])
  const [, second] = peer.events.filter((event) => event.type === 'welcomed')
  t.match(second, { welcome: { instance: 'run-2' } })
  t.match(net.broker.eventsOf('anna').at(-1), { hello: { resume: 'resume run-1' } })
})

t.test('an idle peer notices a broker restart with its next heartbeat', async (t) => {
  const net = new VirtualNetwork()
  const peer = net.peer('anna')
  net.run(500)
  net.broker.restart()
  net.run(HEARTBEAT.heartbeatMs + 200)
  t.same(peer.story, ['welcomed', 'lost', 'welcomed'])
})

t.test('silence is reported once after two seconds, and HELLO goes on with back-off', async (t) => {
  const net = new VirtualNetwork()
  net.broker.crash()
  let greetings = 0
  net.broker.receive = () => {
    greetings += 1
  }
  const peer = net.peer('anna')
  net.run(1950)
  t.same(peer.story, [])
  net.run(100)
  t.match(peer.events, [{ type: 'silent', sinceMs: 2000 }])
  const before = greetings
  net.run(60_000)
  t.same(peer.story, ['silent'])
  const perSecond = (greetings - before) / 60
  t.ok(perSecond > 0.4 && perSecond < 3, `${perSecond} HELLOs each second`)
})

t.test('a HELLO that cannot be sent does not pile up', async (t) => {
  const net = new VirtualNetwork()
  const { link } = net.peer('anna')
  for (let now = 0; now < 60_000; now += 500) link.tick(now)
  t.equal(link.backlog.count, 1)
})

t.test('both sides notice that the other fell silent, and meet again', async (t) => {
  const net = new VirtualNetwork()
  const peer = net.peer('anna')
  net.run(1000)
  peer.isCut = true
  net.run(HEARTBEAT.livenessMs - 1000)
  t.same(peer.story, ['welcomed'])
  net.run(2000)
  t.same(peer.story, ['welcomed', 'lost'])
  t.match(net.broker.eventsOf('anna').at(-1), { type: 'ended', reason: /^silent for 6/ })
  peer.isCut = false
  net.run(3000)
  t.equal(peer.link.state, 'welcome')
  t.equal(net.broker.stateOf('anna'), 'welcome')
})

t.test('PONG carries evidence of life above the transport', async (t) => {
  const net = new VirtualNetwork()
  net.peer('anna')
  net.run(1500)
  const link = net.broker.link('anna')
  t.match(link?.evidence, { loop_lag_ms: 0.5, in_flight: 2, progress_age_ms: 30 })
  t.ok((link?.silentMs(net.clock.now) ?? 1000) < 600)
})

t.test('a peer that says goodbye ends on both sides', async (t) => {
  const net = new VirtualNetwork()
  const peer = net.peer('anna')
  net.run(100)
  peer.link.close('done')
  net.run(5000)
  t.same(peer.story, ['welcomed'])
  t.equal(peer.link.state, 'closed')
  t.match(net.broker.eventsOf('anna').at(-1), { type: 'ended', reason: 'said goodbye' })
  t.equal(net.broker.stateOf('anna'), 'unknown')
})

t.test('a peer that is closed while it greets stays closed', async (t) => {
  const net = new VirtualNetwork()
  net.broker.crash()
  const peer = net.peer('anna', {
    onEvent: (event, link) => {
      if (event.type === 'silent') link.close('nobody answers')
    },
    retry: { firstMs: 1, maxMs: 1 }, // so that a HELLO is due with every tick
  })
  net.run(5000)
  net.broker.restart()
  net.run(5000)
  t.same(peer.story, ['silent'])
  t.equal(peer.link.state, 'closed')
  t.equal(peer.link.backlog.count, 0)
})

t.test('a broker that cuts a connection is greeted again after a pause', async (t) => {
  const net = new VirtualNetwork({ broker: { cutForMs: 0 } })
  const peer = net.peer('anna')
  net.run(100)
  net.broker.link('anna')?.cut(new ProtocolError('DRAINING', { part: 'broker' }))
  net.run(90)
  t.same(peer.story, ['welcomed', 'lost'])
  t.match(peer.events[1], { reason: 'the broker is shutting down' })
  net.run(5000)
  t.same(peer.story, ['welcomed', 'lost', 'welcomed'])
})

t.test('a principal that was revoked is told so and does not come back', async (t) => {
  const net = new VirtualNetwork()
  const peer = net.peer('anna')
  net.run(100)
  net.broker.link('anna')?.cut(new ProtocolError('UNAUTHENTICATED', { principal: 'anna' }))
  net.run(5000)
  t.same(peer.story, ['welcomed', 'refused'])
  t.match(errorOf(peer.events, 'refused').message, /principal anna is not valid/)
})

t.test('a transport that breaks leads to a new handshake at once', async (t) => {
  const net = new VirtualNetwork()
  const peer = net.peer('anna')
  net.run(100)
  net.broker.gone('anna')
  peer.link.disconnected(net.clock.now)
  net.run(200)
  t.same(peer.story, ['welcomed', 'lost', 'welcomed'])
})

t.test('messages pass both ways, and none before the welcome', async (t) => {
  const net = new VirtualNetwork({
    broker: {
      onEvent: (_peer, event, link) => {
        if (event.type !== 'message' || event.message.head.kind !== 'REQUEST') return
        link.send({ kind: 'REPLY', id: event.message.head.id }, encode({ n: 1 }))
      },
    },
  })
  const peer = net.peer('anna')
  t.equal(peer.link.send(request('early')), false)
  net.run(100)
  t.equal(peer.link.send(request('r1')), true)
  net.run(100)
  t.match(messagesOf(peer), [{ head: { kind: 'REPLY', id: 'r1' } }])
})

t.test('a stranger is told NOT_WELCOME with the id of the request', async (t) => {
  const net = new VirtualNetwork()
  net.broker.receive('anna', frames({ head: request('r9') }))
  const bundle = net.broker.link('anna')?.next()
  t.ok(bundle)
  if (!bundle) return
  t.match(bundle.heads, encode([[19, bundle.bodies.length, 'r9']]))
  t.match(decodeBody(ErrorBody, bundle.bodies), { code: 'NOT_WELCOME', executed: 'no' })
})

/** What waits on a link, as the code of the GOODBYE at its end. */
function farewell(link: BrokerLink | undefined): string | undefined {
  let last: string | undefined
  for (let bundle = link?.next(); bundle; bundle = link?.next()) {
    if (bundle.heads.equals(encode([[5, bundle.bodies.length]]))) {
      last = decodeBody(GoodbyeBody, bundle.bodies).code
    }
  }
  return last
}

t.test('a queue that overflows costs that connection and no other', async (t) => {
  const outbox = { maxBytes: 1000, maxMessages: 100 }
  const net = new VirtualNetwork({ broker: { outbox } })
  const [slow, quick] = [net.peer('slow'), net.peer('quick')]
  net.run(100)
  const body = Buffer.alloc(400)
  for (const id of ['1', '2', '3']) net.broker.link('slow')?.send({ kind: 'REPLY', id }, body)
  net.broker.link('quick')?.send({ kind: 'REPLY', id: '1' }, body)
  net.run(90)
  t.match(net.broker.eventsOf('slow').at(-1), { type: 'ended', reason: /send queue/ })
  t.match(slow.events.at(-1), { type: 'lost', reason: /send queue/ })
  t.equal(messagesOf(quick).length, 1)
  t.equal(net.broker.stateOf('quick'), 'welcome')
})

t.test('a peer that never reads cannot make complaints or PONGs pile up', async (t) => {
  for (const head of [request('r'), { kind: 'PING', id: 1 } as const]) {
    for (const greeting of [[], [{ head: { kind: 'HELLO' } as const, body: hello }]]) {
      const outbox = { maxBytes: 100_000, maxMessages: 100 }
      const net = new VirtualNetwork({ broker: { outbox } })
      if (greeting.length > 0) net.broker.receive('anna', frames(...greeting))
      for (let sent = 0; sent < 5000; sent += 1) net.broker.receive('anna', frames({ head }))
      const count = net.broker.link('anna')?.backlogCount ?? 0
      t.ok(count <= 101, `${count} messages wait`)
    }
  }
})

t.test('rubbish costs its sender a complaint and, repeated, the connection', async (t) => {
  const net = new VirtualNetwork({ broker: { limits: { ...LINK_LIMITS, maxStrikes: 3 } } })
  const rubbish = [Buffer.from('c1', 'hex'), NONE]
  net.broker.receive('anna', rubbish)
  net.broker.receive('anna', [...rubbish, NONE])
  t.equal(net.broker.stateOf('anna'), 'new')
  t.equal(farewell(net.broker.link('anna')), undefined)
  net.broker.receive('anna', frames({ head: { kind: 'HELLO' }, body: { major: 'one' } }))
  t.equal(net.broker.stateOf('anna'), 'cut')
  t.equal(farewell(net.broker.link('anna')), 'INVALID_MESSAGE')
})

t.test('nothing that follows in the same bundle revives a connection that has ended', async (t) => {
  const greeting = { head: { kind: 'HELLO' } as const, body: hello }
  const goodbye = { head: { kind: 'GOODBYE' } as const, body: { code: 'X', reason: 'bye' } }
  const net = new VirtualNetwork()
  net.broker.receive('anna', frames(goodbye, greeting, { head: request('r') }))
  t.equal(net.broker.stateOf('anna'), 'cut')
  t.same(
    net.broker.eventsOf('anna').map(({ type }) => type),
    ['ended'],
  )
  t.equal(net.broker.link('anna')?.backlogCount, 0)
})

t.test('a message that the peer cannot read does not spoil those behind it', async (t) => {
  const net = new VirtualNetwork()
  const peer = net.peer('anna')
  net.run(100)
  const bad = { head: { kind: 'GOODBYE' } as const, body: { code: 5 } }
  net.arrive('anna', frames(bad, { head: { kind: 'REPLY', id: 'r' } }))
  t.same(
    peer.events.map(({ type }) => type),
    ['welcomed', 'complaint', 'message'],
  )
  net.arrive('anna', [Buffer.from('c1', 'hex'), NONE])
  t.equal(peer.link.state, 'welcome')
  t.equal(errorOf(peer.events.slice(3), 'complaint').code, 'BAD_FRAME')
})
