/**
 * A peer's side of its connection to the broker, as a pure state machine: frames and clock ticks in,
 * frames and events out. Owns the handshake, heartbeats and bundling. Does not remember application
 * messages across a loss: after `welcomed`, the owner sends again what still matters.
 */
import { decodeBundle, type Message } from '../bundle.ts'
import { decodeBody, EMPTY, encode } from '../codec.ts'
import { type ErrorCode, isErrorCode, ProtocolError } from '../errors.ts'
import type { Credentials } from '../keys/peer-keys.ts'
import { ErrorBody } from '../messages/calls.ts'
import {
  ChallengeBody,
  GoodbyeBody,
  type HelloBody,
  type Role,
  WelcomeBody,
} from '../messages/handshake.ts'
import type { Head, HeadFor } from '../messages/index.ts'
import { FEATURES, PROTOCOL_MAJOR, PROTOCOL_MINOR } from '../version.ts'
import { type BackoffLimits, backoffMs } from './backoff.ts'
import type { HealthEvidence } from './health.ts'
import { Heartbeat } from './heartbeat.ts'
import { Outbox } from './outbox.ts'

export type LinkState = 'new' | 'greeting' | 'welcome' | 'refused' | 'closed'

export type LinkEvent =
  | { readonly type: 'welcomed'; readonly welcome: WelcomeBody }
  /** The broker is away; the link greets again by itself. */
  | { readonly type: 'lost'; readonly reason: string }
  /** HELLO has not been answered for a while; the link goes on trying. */
  | { readonly type: 'silent'; readonly sinceMs: number }
  /** The broker said no; the link has given up. */
  | { readonly type: 'refused'; readonly error: ProtocolError }
  | { readonly type: 'message'; readonly message: Message }
  /** The broker will answer under this public key later. */
  | { readonly type: 'next_key'; readonly key: string }
  /** Something arrived that could not be read; it was dropped. */
  | { readonly type: 'complaint'; readonly error: ProtocolError }

export interface PeerLinkOptions {
  readonly role: Role
  readonly principal: string
  readonly software: string
  /** First HELLO unanswered for this long is reported, ms. */
  readonly silentAfterMs: number
  readonly retry: BackoffLimits
  /** Gives [0, 1). */
  readonly random: () => number
  readonly health: () => HealthEvidence
  readonly onEvent: (event: LinkEvent) => void
  /** There is something to send: see `next`. */
  readonly onReady: () => void
  /** Absent = this principal has no key. */
  readonly credentials?: Credentials | undefined
  /** Why whoever answers is not to be believed; asked at each WELCOME. */
  readonly distrust?: (() => ProtocolError | undefined) | undefined
}

export const PEER_RETRY: BackoffLimits = { firstMs: 250, maxMs: 2000 }
export const SILENT_AFTER_MS = 2000

/** Codes of an ERROR without id that end the handshake for good. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'VERSION_MISMATCH',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'KEY_REVOKED',
])

export class PeerLink {
  readonly #options: PeerLinkOptions
  readonly #outbox = new Outbox()
  #state: LinkState = 'new'
  #heartbeat: Heartbeat | undefined
  #resume: string | undefined
  #hello: HelloBody | undefined
  #attempt = 0
  #greetAgainAt = 0
  #greetingSince = 0
  #toldSilent = false

  constructor(options: PeerLinkOptions) {
    this.#options = options
  }

  get state(): LinkState {
    return this.#state
  }

  /** Bytes and messages that wait to be sent. */
  get backlog(): { readonly bytes: number; readonly count: number; readonly isFull: boolean } {
    return this.#outbox
  }

  /** The next bundle for the socket. */
  next(): ReturnType<Outbox['next']> {
    return this.#outbox.next()
  }

  /** Begins the first handshake. */
  start(now: number): void {
    if (this.#state === 'new') this.#greet(now)
  }

  /** The transport says that the connection broke: greet at once when it is back. */
  disconnected(now: number): void {
    if (this.#state === 'welcome') this.#lose('the connection broke', now)
  }

  /** Sends a message; dropped when the link is not welcome (the owner sends again after `welcomed`). */
  send(head: Head, body: Buffer = EMPTY): boolean {
    if (this.#state !== 'welcome') return false
    this.#push(head, body)
    return true
  }

  /** The transport says that this peer will never get in: the link gives up. */
  refused(error: ProtocolError): void {
    if (this.#state !== 'closed' && this.#state !== 'refused') this.#refuse(error)
  }

  /** Says GOODBYE and ends; whatever waits is still sent. */
  close(reason: string): void {
    if (this.#state === 'welcome') {
      const body: GoodbyeBody = { code: 'CONNECTION_CLOSED', reason }
      this.#push({ kind: 'GOODBYE' }, encode(body))
    } else this.#outbox.clear()
    if (this.#state !== 'refused') this.#state = 'closed'
  }

  tick(now: number): void {
    if (this.#state === 'greeting') this.#tickGreeting(now)
    if (this.#state !== 'welcome') return
    const due = this.#heartbeat?.tick(now)
    if (due === 'lost') this.#lose('the broker fell silent', now)
    else if (due !== undefined) this.#push({ kind: 'PING', id: due }, EMPTY)
  }

  #tickGreeting(now: number): void {
    const sinceMs = now - this.#greetingSince
    if (!this.#toldSilent && sinceMs >= this.#options.silentAfterMs) {
      this.#toldSilent = true
      this.#options.onEvent({ type: 'silent', sinceMs })
    }
    // The owner may have closed the link when it was told of the silence.
    if (this.#state === 'greeting' && now >= this.#greetAgainAt) this.#greet(now)
  }

  receive(frames: readonly Uint8Array[], now: number): void {
    if (this.#isOver) return
    this.#heartbeat?.heard(now)
    this.#guard(() => {
      for (const entry of decodeBundle(frames)) {
        if (this.#isOver) return // by an entry before this one
        if (entry.ok) this.#guard(() => this.#take(entry.message, now))
        else this.#options.onEvent({ type: 'complaint', error: entry.error })
      }
    })
  }

  /** What cannot be read is reported; it spoils neither the connection nor its neighbours. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (thrown) {
      const error = ProtocolError.from(thrown, 'client', 'no')
      this.#options.onEvent({ type: 'complaint', error })
    }
  }

  #take(message: Message, now: number): void {
    const { head, body } = message
    switch (head.kind) {
      case 'CHALLENGE':
        this.#prove(body, now)
        break
      case 'WELCOME':
        this.#welcome(decodeBody(WelcomeBody, body), now)
        break
      case 'NEXT_KEY':
        this.#options.onEvent({ type: 'next_key', key: head.key })
        break
      case 'PING':
        // A socket that takes nothing must not let pings fill the memory.
        if (!this.#outbox.isFull) {
          this.#push({ kind: 'PONG', id: head.id, ...this.#options.health() }, EMPTY)
        }
        break
      case 'PONG':
        break
      case 'GOODBYE':
        this.#goodbye(decodeBody(GoodbyeBody, body), now)
        break
      case 'ERROR':
        this.#error(head, message, now)
        break
      default:
        if (this.#state === 'welcome') this.#options.onEvent({ type: 'message', message })
    }
  }

  #greet(now: number): void {
    if (this.#state !== 'greeting') {
      this.#state = 'greeting'
      this.#greetingSince = now
      this.#toldSilent = false
      this.#attempt = 0
    }
    this.#attempt += 1
    // At least 100 ms: a HELLO that is merely slow should not be followed by a second one.
    this.#greetAgainAt =
      now + 100 + backoffMs(this.#attempt, this.#options.retry, this.#options.random)
    const hello: HelloBody = {
      major: PROTOCOL_MAJOR,
      minor: PROTOCOL_MINOR,
      features: [...FEATURES],
      role: this.#options.role,
      principal: this.#options.principal,
      software: this.#options.software,
      ...(this.#resume !== undefined && { resume: this.#resume }),
      ...(this.#options.credentials && { key: this.#options.credentials.key }),
    }
    this.#hello = hello
    this.#outbox.clear() // one HELLO waits for the socket, not one for each attempt
    this.#push({ kind: 'HELLO' }, encode(hello))
  }

  #prove(body: Buffer, now: number): void {
    if (this.#state !== 'greeting' || !this.#hello) return
    const { credentials, principal } = this.#options
    if (!credentials) {
      this.#refuse(new ProtocolError('UNAUTHENTICATED', { principal }, { where: 'client' }))
      return
    }
    const { nonce } = decodeBody(ChallengeBody, body)
    if (!Buffer.isBuffer(nonce)) {
      throw new ProtocolError('INVALID_MESSAGE', { what: 'CHALLENGE', reason: 'no nonce' })
    }
    this.#push({ kind: 'PROOF' }, encode({ nonce, mac: credentials.prove(nonce, this.#hello) }))
    // The broker answers, if slowly: another HELLO now would only make it ask for another proof.
    this.#greetAgainAt = now + 100 + this.#options.retry.maxMs
  }

  #welcome(welcome: WelcomeBody, now: number): void {
    if (this.#state !== 'greeting') return
    const distrust = this.#options.distrust?.()
    if (distrust) {
      this.#refuse(distrust)
      return
    }
    this.#state = 'welcome'
    this.#resume = welcome.resume
    this.#outbox.clear() // a repeated HELLO that waits for the socket would undo the welcome
    const times = { heartbeatMs: welcome.heartbeat_ms, livenessMs: welcome.liveness_ms }
    this.#heartbeat = new Heartbeat(times, now)
    this.#options.onEvent({ type: 'welcomed', welcome })
    if (welcome.next_key !== undefined) {
      this.#options.onEvent({ type: 'next_key', key: welcome.next_key })
    }
  }

  #goodbye(body: GoodbyeBody, now: number): void {
    if (isErrorCode(body.code) && FINAL.has(body.code)) {
      this.#refuse(new ProtocolError(body.code, {}, { message: body.reason }))
    } else if (this.#state === 'welcome') {
      this.#lose(body.reason, now)
      this.#outbox.clear() // greet after the back-off, not into the door that just closed
    }
  }

  #error(head: HeadFor<'ERROR'>, message: Message, now: number): void {
    const error = ProtocolError.fromWire(decodeBody(ErrorBody, message.body))
    if (error.code === 'NOT_WELCOME') {
      if (this.#state === 'welcome') this.#lose('the broker does not know this connection', now)
      return
    }
    if (head.id !== '') {
      if (this.#state === 'welcome') this.#options.onEvent({ type: 'message', message })
      return
    }
    if (this.#state === 'greeting' && FINAL.has(error.code)) this.#refuse(error)
    else this.#options.onEvent({ type: 'complaint', error })
  }

  #lose(reason: string, now: number): void {
    this.#heartbeat = undefined
    this.#outbox.clear()
    this.#options.onEvent({ type: 'lost', reason })
    if (this.#state === 'welcome') this.#greet(now)
  }

  #refuse(error: ProtocolError): void {
    this.#state = 'refused'
    this.#outbox.clear()
    this.#options.onEvent({ type: 'refused', error })
  }

  get #isOver(): boolean {
    return this.#state === 'closed' || this.#state === 'refused'
  }

  #push(head: Head, body: Buffer): void {
    this.#outbox.push({ head, body })
    this.#options.onReady()
  }
}
