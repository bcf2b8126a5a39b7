/**
 * The broker's side of one connection, as a pure state machine: handshake, heartbeats, bundling, and
 * what a peer that sends rubbish has coming. One object per connection id; owns no socket.
 */
import { decodeBundle, type Message } from '../bundle.ts'
import { decodeBody, EMPTY, encode } from '../codec.ts'
import { type ErrorCode, ProtocolError } from '../errors.ts'
import { WIRE_LIMITS } from '../limits.ts'
import {
  type GoodbyeBody,
  HelloBody,
  ProofBody,
  type Role,
  type WelcomeBody,
} from '../messages/handshake.ts'
import type { Head } from '../messages/index.ts'
import { FEATURES, negotiateMinor } from '../version.ts'
import type { HealthEvidence } from './health.ts'
import { Heartbeat, type HeartbeatTimes } from './heartbeat.ts'
import { Outbox, type OutboxLimits } from './outbox.ts'
import { Rate, type RateLimits } from './rate.ts'

/** Who a connection acts for. */
export interface Identity {
  readonly principal: string
  readonly roles: readonly Role[]
  /** It has to do only with the sessions that it has created; absent = with all of them. */
  readonly reach?: 'own'
  /** Public key that it has proven, Z85; absent for the users of this machine. */
  readonly key?: string
  /** The gateway that acts for it. */
  readonly via?: string
}

/** What the broker's authenticator says to a HELLO. */
export type Verdict =
  | { readonly verdict: 'accept'; readonly identity: Identity }
  | { readonly verdict: 'refuse'; readonly error: ProtocolError }
  | {
      readonly verdict: 'challenge'
      readonly nonce: Buffer
      /** The identity when the proof holds, or what is told when it does not. */
      readonly verify: Verify
    }

export type Verify = (mac: Buffer) => Identity | ProtocolError

export type ConnectionState =
  | { readonly name: 'new' }
  | {
      readonly name: 'challenged'
      readonly hello: HelloBody
      readonly nonce: Buffer
      readonly verify: Verify
    }
  | { readonly name: 'welcome'; readonly identity: Identity }
  | { readonly name: 'cut'; readonly reason: string }

/** How a connection ended: by its peer, by the transport, by silence, or cut off with this code. */
export type ConnectionEnd = 'goodbye' | 'disconnected' | 'silent' | ErrorCode

export type BrokerLinkEvent =
  | { readonly type: 'welcomed'; readonly identity: Identity; readonly hello: HelloBody }
  | { readonly type: 'message'; readonly message: Message; readonly identity: Identity }
  /** It has to shake hands again, and what it had is void, whether it does or not. */
  | { readonly type: 'unwelcome' }
  /** It was not welcomed, and may try again. */
  | { readonly type: 'refused'; readonly error: ProtocolError }
  /** The peer left, fell silent, or was cut off; nothing more comes from this connection. */
  | {
      readonly type: 'ended'
      readonly reason: string
      readonly how: ConnectionEnd
      /** Who it was, if it was welcome. */
      readonly identity?: Identity
    }

/** What the link itself bounds. */
export type LinkLimit = 'greetings' | 'strikes'

export const LINK_LIMITS = {
  /** Malformed frames after which the connection is cut off. */
  maxStrikes: 16,
  /**
   * HELLO and PROOF: more than a peer sends that greets again and again while the broker is slow. What comes
   * too often is left out; each checks a key, which takes a tenth of a millisecond.
   */
  greetings: { perSecond: 2, burst: 16 },
  /** PING: more than gathers while the broker does not get to read. */
  pings: { perSecond: 20, burst: 200 },
  /** Messages of these kinds that were left out, for one strike. */
  excessPerStrike: 64,
  /** Messages that may wait for a peer that has not been welcomed yet: answers to its greetings. */
  maxBeforeWelcome: 64,
} as const satisfies LinkLimits

export interface LinkLimits {
  readonly maxStrikes: number
  readonly greetings: RateLimits
  readonly pings: RateLimits
  readonly excessPerStrike: number
  readonly maxBeforeWelcome: number
}

export interface BrokerLinkOptions {
  readonly heartbeat: HeartbeatTimes
  readonly outbox: OutboxLimits
  readonly limits: LinkLimits
  readonly authenticate: (hello: HelloBody) => Verdict
  /** The parts of WELCOME that do not depend on the peer. */
  readonly welcome: () => Pick<
    WelcomeBody,
    'credit' | 'epoch' | 'instance' | 'software' | 'streams' | 'resume' | 'next_key'
  >
  readonly health: () => HealthEvidence
  readonly onEvent: (event: BrokerLinkEvent) => void
  /** There is something to send: see `next`. */
  readonly onReady: () => void
  /** A limit was reached. */
  readonly onLimit: (limit: LinkLimit) => void
}

export class BrokerLink {
  readonly #options: BrokerLinkOptions
  readonly #outbox: Outbox
  readonly #heartbeat: Heartbeat
  #state: ConnectionState = { name: 'new' }
  #evidence: HealthEvidence | undefined
  readonly #greetings: Rate
  readonly #pings: Rate
  #strikes = 0
  #excess = 0
  #isBanned = false
  #wasWelcome = false
  #toldOfExcess = false
  #now: number

  constructor(options: BrokerLinkOptions, now: number) {
    this.#options = options
    this.#now = now
    this.#greetings = new Rate(options.limits.greetings)
    this.#pings = new Rate(options.limits.pings)
    this.#outbox = new Outbox(options.outbox)
    this.#heartbeat = new Heartbeat(options.heartbeat, now)
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** What the last PONG said. */
  get evidence(): HealthEvidence | undefined {
    return this.#evidence
  }

  /** Whether it was cut off for what it did, so that it should not come back at once. */
  get isBanned(): boolean {
    return this.#isBanned
  }

  silentMs(now: number): number {
    return this.#heartbeat.silentMs(now)
  }

  /** Messages that wait to be sent. */
  get backlogCount(): number {
    return this.#outbox.count
  }

  /** Their body bytes. */
  get backlogBytes(): number {
    return this.#outbox.bytes
  }

  next(): ReturnType<Outbox['next']> {
    return this.#outbox.next()
  }

  /** Queues a message; a connection whose queue outgrows its limit is cut off with OVERLOADED. */
  send(head: Head, body: Buffer = EMPTY): void {
    if (this.#state.name === 'welcome') this.#push(head, body)
  }

  tick(now: number): void {
    if (this.#state.name === 'cut') return
    const due = this.#heartbeat.tick(now)
    if (due === 'lost') {
      this.#end(`silent for ${Math.round(this.#heartbeat.silentMs(now))} ms`, 'silent')
    } else if (due !== undefined && this.#state.name === 'welcome') {
      this.#push({ kind: 'PING', id: due }, EMPTY)
    }
  }

  receive(frames: readonly Uint8Array[], now: number): void {
    if (this.#state.name === 'cut') return
    this.#now = now
    this.#heartbeat.heard(now)
    let entries: ReturnType<typeof decodeBundle>
    try {
      entries = decodeBundle(frames)
    } catch (thrown) {
      this.#strike('', ProtocolError.from(thrown, 'broker', 'no'))
      return
    }
    for (const entry of entries) {
      if (this.#hasEnded) return
      if (entry.ok) this.#take(entry.message)
      else this.#strike(entry.id, entry.error)
    }
  }

  /** The broker leaves: says so after whatever waits. */
  goodbye(error: ProtocolError): void {
    if (this.#state.name !== 'welcome') return
    const body: GoodbyeBody = { code: error.code, reason: error.message }
    this.#push({ kind: 'GOODBYE' }, encode(body))
  }

  /** Its rights have changed: nothing is believed until it has shaken hands again. */
  greetAgain(): void {
    if (this.#state.name !== 'welcome') return
    this.#complain('', new ProtocolError('NOT_WELCOME'))
    this.#startAnew({ name: 'new' })
  }

  /** Ends the connection with a coded reason; whatever else waits for it is dropped. */
  cut(error: ProtocolError): void {
    if (this.#state.name === 'cut') return
    this.#outbox.clear()
    const body: GoodbyeBody = { code: error.code, reason: error.message }
    this.#queue({ kind: 'GOODBYE' }, encode(body))
    this.#end(error.message, error.code)
  }

  /** Ends the connection, and it is not to come back at once. */
  banish(error: ProtocolError): void {
    this.#isBanned = true
    this.cut(error)
  }

  /** The transport says that the peer is gone. */
  disconnected(): void {
    this.#outbox.clear()
    this.#end('disconnected', 'disconnected')
  }

  #take(message: Message): void {
    try {
      this.#dispatch(message)
    } catch (thrown) {
      this.#strike('', ProtocolError.from(thrown, 'broker', 'no'))
    }
  }

  #dispatch(message: Message): void {
    const { head, body } = message
    switch (head.kind) {
      case 'HELLO':
        if (this.#isTooOften(this.#greetings)) break
        this.#hello(decodeBody(HelloBody, body, 'INVALID_MESSAGE', { what: 'HELLO' }))
        break
      case 'PROOF':
        if (this.#isTooOften(this.#greetings)) break
        this.#proof(decodeBody(ProofBody, body, 'INVALID_MESSAGE', { what: 'PROOF' }))
        break
      case 'GOODBYE':
        this.#end('said goodbye', 'goodbye')
        break
      case 'PONG':
        this.#evidence = head
        break
      default:
        if (this.#state.name === 'welcome') this.#admit(message, this.#state.identity)
        else this.#tellToGreet('id' in head && typeof head.id === 'string' ? head.id : '')
    }
  }

  /** A broker that was restarted gets many messages at once from each peer; one answer is enough. */
  #tellToGreet(id: string): void {
    if (this.#outbox.count * 2 >= this.#options.limits.maxBeforeWelcome) return
    this.#complain(id, new ProtocolError('NOT_WELCOME'))
  }

  /** What comes too often is left out; its sender is told once, until it may come again. */
  #isTooOften(rate: Rate): boolean {
    const retryAfterMs = rate.take(this.#now)
    if (retryAfterMs === 0) {
      this.#toldOfExcess = false
      return false
    }
    this.#options.onLimit('greetings')
    this.#excess += 1
    const what = 'the allowance of HELLO, PROOF and PING of this connection'
    const limit = `${rate.limits.perSecond} a second`
    const error = new ProtocolError('OVERLOADED', { what, limit }, { retryAfterMs })
    if (this.#excess % this.#options.limits.excessPerStrike === 0) this.#strike('', error)
    else if (!this.#toldOfExcess) this.#complain('', error)
    this.#toldOfExcess = true
    return true
  }

  #admit(message: Message, identity: Identity): void {
    const { head } = message
    if (head.kind === 'PING') {
      if (this.#isTooOften(this.#pings)) return
      this.#push({ kind: 'PONG', id: head.id, ...this.#options.health() }, EMPTY)
    } else this.#options.onEvent({ type: 'message', message, identity })
  }

  #hello(hello: HelloBody): void {
    try {
      negotiateMinor(hello)
    } catch (thrown) {
      this.#refuse(ProtocolError.from(thrown, 'broker', 'no'))
      return
    }
    const verdict = this.#options.authenticate(hello)
    if (verdict.verdict === 'accept') this.#welcome(hello, verdict.identity)
    else if (verdict.verdict === 'refuse') {
      this.#refuse(verdict.error)
      this.#startAnew({ name: 'new' })
    } else {
      const { nonce, verify } = verdict
      this.#push({ kind: 'CHALLENGE' }, encode({ nonce }))
      this.#startAnew({ name: 'challenged', hello, nonce, verify })
    }
  }

  /** A peer that is welcome no more must not keep what it had by never finishing the new handshake. */
  #startAnew(state: ConnectionState): void {
    if (this.#hasEnded) return
    const wasWelcome = this.#state.name === 'welcome'
    this.#state = state
    if (wasWelcome) this.#options.onEvent({ type: 'unwelcome' })
  }

  #proof(body: { nonce: unknown; mac: unknown }): void {
    if (this.#state.name === 'welcome') return // a HELLO was repeated, and so was its proof
    if (this.#state.name !== 'challenged') {
      this.#complain('', new ProtocolError('NOT_WELCOME'))
      return
    }
    const { hello, nonce, verify } = this.#state
    // A peer that greeted twice, because this side was slow, also proves twice: only the answer to the
    // newest challenge counts, and an older one is no failure.
    if (!Buffer.isBuffer(body.nonce) || !nonce.equals(body.nonce)) return
    this.#state = { name: 'new' } // one try for each challenge
    const verdict = verify(Buffer.isBuffer(body.mac) ? body.mac : EMPTY)
    // Each costs a key exchange, and who has the key fails once at most.
    if (verdict instanceof ProtocolError) {
      this.#options.onEvent({ type: 'refused', error: verdict })
      this.#strike('', verdict)
    } else this.#welcome(hello, verdict)
  }

  #refuse(error: ProtocolError): void {
    this.#options.onEvent({ type: 'refused', error })
    this.#complain('', error)
  }

  #welcome(hello: HelloBody, identity: Identity): void {
    this.#state = { name: 'welcome', identity }
    this.#wasWelcome = true
    const body: WelcomeBody = {
      ...this.#options.welcome(),
      principal: identity.principal,
      roles: [...identity.roles],
      minor: negotiateMinor(hello),
      features: FEATURES.filter((feature) => hello.features.includes(feature)),
      heartbeat_ms: this.#options.heartbeat.heartbeatMs,
      liveness_ms: this.#options.heartbeat.livenessMs,
      max_bodies_bytes: WIRE_LIMITS.maxBodiesBytes,
      max_messages: WIRE_LIMITS.maxMessages,
    }
    this.#push({ kind: 'WELCOME' }, encode(body))
    if (!this.#hasEnded) this.#options.onEvent({ type: 'welcomed', identity, hello })
  }

  /** A malformed frame, or a proof that is none: its sender is told; repeated, it is cut off. */
  #strike(id: string, error: ProtocolError): void {
    this.#strikes += 1
    if (this.#strikes < this.#options.limits.maxStrikes) {
      this.#complain(id, error)
      return
    }
    this.#options.onLimit('strikes')
    this.banish(error)
  }

  #complain(id: string, error: ProtocolError): void {
    this.#push({ kind: 'ERROR', id }, encode(error.toWire()))
  }

  #end(reason: string, how: ConnectionEnd): void {
    if (this.#state.name === 'cut') return
    const who = this.#state.name === 'welcome' && { identity: this.#state.identity }
    this.#state = { name: 'cut', reason }
    this.#options.onEvent({ type: 'ended', reason, how, ...who })
  }

  get #hasEnded(): boolean {
    return this.#state.name === 'cut'
  }

  /** Queues a message of any kind: a peer that reads nothing must not fill memory with PONGs either. */
  #push(head: Head, body: Buffer): void {
    this.#queue(head, body)
    const { maxBeforeWelcome } = this.#options.limits
    const isFull = this.#wasWelcome ? this.#outbox.isFull : this.#outbox.count > maxBeforeWelcome
    if (!isFull) return
    const error = new ProtocolError('OVERLOADED', {
      what: 'the send queue of this connection',
      limit: this.#wasWelcome ? this.#options.outbox.maxBytes : `${maxBeforeWelcome} messages`,
    })
    this.cut(error)
  }

  #queue(head: Head, body: Buffer): void {
    this.#outbox.push({ head, body })
    this.#options.onReady()
  }
}
