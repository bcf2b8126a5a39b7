/**
 * The broker's side of one connection, as a pure state machine: handshake, heartbeats, bundling, and
 * what a peer that sends rubbish has coming. One object per connection id; owns no socket.
 */
import { decodeBundle, type Message } from '../bundle.ts'
import { decodeBody, EMPTY, encode } from '../codec.ts'
import { ProtocolError } from '../errors.ts'
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

/** Who a connection acts for. */
export interface Identity {
  readonly principal: string
  readonly roles: readonly Role[]
}

/** What the broker's authenticator says to a HELLO. */
export type Verdict =
  | { readonly verdict: 'accept'; readonly identity: Identity }
  | { readonly verdict: 'refuse'; readonly error: ProtocolError }
  | {
      readonly verdict: 'challenge'
      readonly nonce: Buffer
      /** The identity when the proof holds. */
      readonly verify: (mac: Buffer) => Identity | undefined
    }

export type ConnectionState =
  | { readonly name: 'new' }
  | {
      readonly name: 'challenged'
      readonly hello: HelloBody
      readonly verify: (mac: Buffer) => Identity | undefined
    }
  | { readonly name: 'welcome'; readonly identity: Identity }
  | { readonly name: 'cut'; readonly reason: string }

export type BrokerLinkEvent =
  | { readonly type: 'welcomed'; readonly identity: Identity; readonly hello: HelloBody }
  | { readonly type: 'message'; readonly message: Message; readonly identity: Identity }
  /** The peer left, fell silent, or was cut off; nothing more comes from this connection. */
  | { readonly type: 'ended'; readonly reason: string }

export interface BrokerLinkOptions {
  readonly heartbeat: HeartbeatTimes
  readonly outbox: OutboxLimits
  /** Malformed frames after which the connection is cut off. */
  readonly maxStrikes: number
  readonly authenticate: (hello: HelloBody) => Verdict
  /** The parts of WELCOME that do not depend on the peer. */
  readonly welcome: () => Pick<
    WelcomeBody,
    'credit' | 'epoch' | 'instance' | 'software' | 'streams' | 'resume'
  >
  readonly health: () => HealthEvidence
  readonly onEvent: (event: BrokerLinkEvent) => void
  /** There is something to send: see `next`. */
  readonly onReady: () => void
}

export class BrokerLink {
  readonly #options: BrokerLinkOptions
  readonly #outbox: Outbox
  readonly #heartbeat: Heartbeat
  #state: ConnectionState = { name: 'new' }
  #evidence: HealthEvidence | undefined
  #strikes = 0

  constructor(options: BrokerLinkOptions, now: number) {
    this.#options = options
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

  silentMs(now: number): number {
    return this.#heartbeat.silentMs(now)
  }

  get backlogBytes(): number {
    return this.#outbox.bytes
  }

  next(): ReturnType<Outbox['next']> {
    return this.#outbox.next()
  }

  /** Queues a message; a connection whose queue outgrows its limit is cut off with OVERLOADED. */
  send(head: Head, body: Buffer = EMPTY): void {
    if (this.#state.name !== 'welcome') return
    this.#push(head, body)
    if (this.#outbox.isFull) {
      const error = new ProtocolError('OVERLOADED', {
        what: 'the send queue of this connection',
        limit: this.#options.outbox.maxBytes,
      })
      this.cut(error)
    }
  }

  tick(now: number): void {
    if (this.#state.name === 'cut') return
    const due = this.#heartbeat.tick(now)
    if (due === 'lost') this.#end(`silent for ${Math.round(this.#heartbeat.silentMs(now))} ms`)
    else if (due !== undefined && this.#state.name === 'welcome') {
      this.#push({ kind: 'PING', id: due }, EMPTY)
    }
  }

  receive(frames: readonly Uint8Array[], now: number): void {
    if (this.#state.name === 'cut') return
    this.#heartbeat.heard(now)
    let entries: ReturnType<typeof decodeBundle>
    try {
      entries = decodeBundle(frames)
    } catch (thrown) {
      this.#strike('', ProtocolError.from(thrown, 'broker', 'no'))
      return
    }
    for (const entry of entries) {
      if (entry.ok) this.#take(entry.message)
      else this.#strike(entry.id, entry.error)
    }
  }

  /** Ends the connection with a coded reason; whatever else waits for it is dropped. */
  cut(error: ProtocolError): void {
    if (this.#state.name === 'cut') return
    this.#outbox.clear()
    const body: GoodbyeBody = { code: error.code, reason: error.message }
    this.#push({ kind: 'GOODBYE' }, encode(body))
    this.#end(error.message)
  }

  /** The transport says that the peer is gone. */
  disconnected(): void {
    this.#outbox.clear()
    this.#end('disconnected')
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
        return this.#hello(decodeBody(HelloBody, body, 'INVALID_MESSAGE', { what: 'HELLO' }))
      case 'PROOF':
        return this.#proof(decodeBody(ProofBody, body, 'INVALID_MESSAGE', { what: 'PROOF' }))
      case 'GOODBYE':
        return this.#end('said goodbye')
      case 'PING':
        if (this.#state.name !== 'welcome') break
        return this.#push({ kind: 'PONG', id: head.id, ...this.#options.health() }, EMPTY)
      case 'PONG':
        this.#evidence = head
        return
      default:
        if (this.#state.name !== 'welcome') break
        return this.#options.onEvent({ type: 'message', message, identity: this.#state.identity })
    }
    this.#complain(
      'id' in head && typeof head.id === 'string' ? head.id : '',
      new ProtocolError('NOT_WELCOME'),
    )
  }

  #hello(hello: HelloBody): void {
    try {
      negotiateMinor(hello)
    } catch (thrown) {
      this.#complain('', ProtocolError.from(thrown, 'broker', 'no'))
      return
    }
    const verdict = this.#options.authenticate(hello)
    if (verdict.verdict === 'refuse') this.#complain('', verdict.error)
    else if (verdict.verdict === 'accept') this.#welcome(hello, verdict.identity)
    else {
      this.#state = { name: 'challenged', hello, verify: verdict.verify }
      const challenge = { nonce: verdict.nonce }
      this.#push({ kind: 'CHALLENGE' }, encode(challenge))
    }
  }

  #proof(body: { mac: unknown }): void {
    if (this.#state.name !== 'challenged') {
      this.#complain('', new ProtocolError('NOT_WELCOME'))
      return
    }
    const { hello, verify } = this.#state
    this.#state = { name: 'new' } // one try for each challenge
    const identity = Buffer.isBuffer(body.mac) ? verify(body.mac) : undefined
    if (identity) this.#welcome(hello, identity)
    else this.#complain('', new ProtocolError('UNAUTHENTICATED', { principal: hello.principal }))
  }

  #welcome(hello: HelloBody, identity: Identity): void {
    this.#state = { name: 'welcome', identity }
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
    this.#options.onEvent({ type: 'welcomed', identity, hello })
  }

  /** A malformed frame: its sender is told; repeated, it is cut off. */
  #strike(id: string, error: ProtocolError): void {
    this.#strikes += 1
    if (this.#strikes >= this.#options.maxStrikes) this.cut(error)
    else this.#complain(id, error)
  }

  #complain(id: string, error: ProtocolError): void {
    this.#push({ kind: 'ERROR', id }, encode(error.toWire()))
  }

  #end(reason: string): void {
    if (this.#state.name === 'cut') return
    this.#state = { name: 'cut', reason }
    this.#options.onEvent({ type: 'ended', reason })
  }

  #push(head: Head, body: Buffer): void {
    this.#outbox.push({ head, body })
    this.#options.onReady()
  }
}
