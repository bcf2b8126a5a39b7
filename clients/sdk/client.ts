/** A connection to a broker, and what one does over it for oneself or for users. Made by `connect`. */

import type { Message } from '../../protocol/bundle.ts'
import { reachable } from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { RandomBytes } from '../../protocol/ids.ts'
import type { Credentials } from '../../protocol/keys/peer-keys.ts'
import { WIRE_LIMITS } from '../../protocol/limits.ts'
import { NO_AGENT } from '../../protocol/link/health.ts'
import { PeerConnection } from '../../protocol/link/peer-connection.ts'
import type { LinkEvent } from '../../protocol/link/peer-link.ts'
import type { ApprovalDecision } from '../../protocol/messages/chunk.ts'
import type { Role, WelcomeBody } from '../../protocol/messages/handshake.ts'
import type { BrokerMethod, Params, Result } from '../../protocol/methods/index.ts'
import type { ApprovalInfo } from '../../protocol/methods/types.ts'
import { USERS_FEATURE } from '../../protocol/version.ts'
import type { Actor } from './actor.ts'
import { Actors } from './actors.ts'
import type { ApprovalFilter, ApprovalReply, WatchOptions } from './approvals.ts'
import { type AuditPage, type AuditQuery, auditPages } from './audit.ts'
import { Caller, type CallOptions } from './caller.ts'
import type { Follow, FollowOptions } from './follow.ts'
import { SDK_LIMITS } from './limits.ts'
import type { OutputLine, OutputOptions } from './output-lines.ts'
import type { SessionHandle } from './session-handle.ts'
import { type ConnectionStatus, StatusBoard } from './status.ts'
import { startTicker, type Ticker } from './ticker.ts'
import type { Transport } from './transport.ts'

/** The outside world of a client; `connect` passes the real one. */
export interface ClientOptions {
  readonly endpoint: string
  readonly role: Role
  readonly principal: string
  readonly software: string
  /** Default deadline of calls, ms. */
  readonly deadlineMs: number
  readonly transport: Transport
  /** Who it is over a network. */
  readonly credentials?: Credentials | undefined
  /** The broker will answer under this public key later. */
  readonly learnKey?: (key: string) => void
  /** Why whoever answers is not to be believed. */
  readonly distrust?: (() => ProtocolError | undefined) | undefined
  /** A clock that never goes back, ms. */
  readonly now: () => number
  /** Gives [0, 1). */
  readonly random: () => number
  readonly randomBytes: RandomBytes
  /** Waits; rejects when the signal aborts. */
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Calls `run` every so many ms, until the returned function is called. */
  readonly every: (ms: number, run: () => void) => () => void
}

export class Client implements Actor {
  readonly #options: ClientOptions
  readonly #connection: PeerConnection
  readonly #caller: Caller
  readonly #actors: Actors
  readonly #ticker: Ticker
  readonly #status = new StatusBoard()
  readonly #closed: Promise<void>
  #resolveClosed: () => void = () => undefined
  #welcome: WelcomeBody | undefined
  #closing: Promise<void> | undefined

  /** Begins to connect. Throws BAD_CONFIG for an endpoint that cannot be one. */
  constructor(options: ClientOptions) {
    this.#options = options
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#caller = new Caller({
      ...options,
      send: (head, body) => this.#connection.send(head, body),
      knowsUsers: () => this.#welcome?.features.includes(USERS_FEATURE) ?? true,
      maxBodyBytes: () => this.#welcome?.max_bodies_bytes ?? WIRE_LIMITS.maxBodiesBytes,
    })
    this.#actors = new Actors({ ...options, caller: this.#caller, welcome: () => this.welcome })
    this.#connection = new PeerConnection({
      ...options,
      dealer: options.transport.dealer,
      health: () => this.#health(),
      onEvent: (event) => this.#event(event),
    })
    this.#ticker = startTicker(SDK_LIMITS.tickMs, options, (now) => this.#tick(now))
    this.#connection.start()
  }

  /** What the broker said in the latest handshake. Throws before the first one. */
  get welcome(): WelcomeBody {
    if (this.#welcome) return this.#welcome
    throw this.#unreachable('the handshake is not complete')
  }

  /** Resolves when the client is closed, by `close` or because the broker refused it. */
  get closed(): Promise<void> {
    return this.#closed
  }

  /** What was last heard that explains why there is no connection. */
  get trouble(): string | undefined {
    return this.#connection.trouble
  }

  get user(): undefined {
    return undefined
  }

  /** Why the broker does not let this client in, where the transport tells. */
  get problem(): ProtocolError | undefined {
    return this.#connection.problem
  }

  /**
   * The same for a user, with the rights of that user: only a gateway may. Costs nothing until it is used. What
   * the broker refuses ends with FORBIDDEN; one that knows nothing of users, with UNSUPPORTED.
   */
  as(user: string): Actor {
    return this.#actors.user(user)
  }

  call<M extends BrokerMethod>(
    method: M,
    params: Params<M>,
    options: CallOptions = {},
  ): Promise<Result<M>> {
    return this.#caller.call(method, params, options)
  }

  follow(session: string, options: FollowOptions = {}): Follow {
    return this.#actors.self.follow(session, options)
  }

  liveness(stream: string, signal: AbortSignal): Promise<void> {
    return this.#actors.self.liveness(stream, signal)
  }

  output(session: string, options: OutputOptions = {}): AsyncGenerator<OutputLine, undefined> {
    return this.#actors.self.output(session, options)
  }

  session(session: string): SessionHandle {
    return this.#actors.self.session(session)
  }

  createSession(
    params: Params<'session.create'>,
    options: CallOptions = {},
  ): Promise<SessionHandle> {
    return this.#actors.self.createSession(params, options)
  }

  approvals(filter: ApprovalFilter = {}, options: CallOptions = {}): Promise<ApprovalInfo[]> {
    return this.#actors.self.approvals(filter, options)
  }

  answer(
    approval: string,
    reply: ApprovalDecision | ApprovalReply,
    options: CallOptions = {},
  ): Promise<ApprovalInfo> {
    return this.#actors.self.answer(approval, reply, options)
  }

  watchApprovals(options: WatchOptions = {}): AsyncGenerator<ApprovalInfo, never> {
    return this.#actors.self.watchApprovals(options)
  }

  /** The audit log, or what of it is asked for, oldest first. Throws FORBIDDEN without the scope `admin`. */
  auditPages(query: AuditQuery = {}): AsyncGenerator<AuditPage> {
    return auditPages((params, options) => this.call('audit.read', params, options), query)
  }

  /** The current status, then each change; ends after `closed`. */
  status(): AsyncGenerator<ConnectionStatus, void, undefined> {
    return this.#status.read()
  }

  /** Calls the listener at each change, until the returned function is called. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    let isListening = true
    // In a task of its own: a listener that throws must not disturb the link.
    const stop = this.#status.listen((status) => {
      queueMicrotask(() => isListening && listener(status))
    })
    return () => {
      isListening = false
      stop()
    }
  }

  /** Says GOODBYE and ends; calls under way and readers get CONNECTION_CLOSED. */
  close(): Promise<void> {
    this.#closing ??= this.#end((executed) => {
      return new ProtocolError('CONNECTION_CLOSED', {}, { where: 'client', executed })
    })
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #end(error: (executed: 'no' | 'unknown') => ProtocolError): Promise<void> {
    this.#actors.close(error('no'))
    this.#caller.close(error)
    await this.#connection.close(() => this.#options.pause(SDK_LIMITS.goodbyeMs))
    this.#ticker.stop()
    this.#status.set({ type: 'closed' })
    this.#resolveClosed()
  }

  #event(event: LinkEvent): void {
    switch (event.type) {
      case 'message':
        this.#message(event.message)
        break
      case 'welcomed':
        this.#welcomed(event.welcome)
        break
      case 'lost':
        this.#caller.lost()
        this.#status.set(event)
        break
      case 'silent':
        this.#status.set(event)
        break
      case 'refused':
        this.#status.set(event)
        // The link has given up, so nothing that waits would ever end.
        this.#closing ??= this.#end(() => event.error)
        break
      case 'next_key':
        this.#options.learnKey?.(event.key)
        break
      case 'complaint':
        break
    }
  }

  #message(message: Message): void {
    const { head } = message
    if (head.kind === 'MOVED') this.#actors.moved(head.ticket)
    else this.#caller.receive(message)
  }

  #welcomed(told: WelcomeBody): void {
    const welcome = { ...told, streams: reachable(told.streams, this.#options.endpoint) }
    this.#welcome = welcome
    const { instance, epoch, software } = welcome
    this.#actors.welcomed(welcome) // first, so that opens of before are dropped and not sent again
    this.#caller.connected()
    this.#status.set({ type: 'connected', instance, epoch, software })
  }

  #tick(now: number): void {
    this.#connection.tick(now)
    this.#caller.tick(now)
    this.#actors.tick(now)
  }

  #health() {
    return {
      loop_lag_ms: this.#ticker.lagMs,
      in_flight: this.#caller.inFlight,
      progress_age_ms: NO_AGENT,
    }
  }

  #unreachable(reason: string): ProtocolError {
    const { endpoint } = this.#options
    return new ProtocolError('UNREACHABLE', { endpoint, reason }, { where: 'client' })
  }
}
