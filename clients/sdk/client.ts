/** A connection to a broker and everything that one does with it. Made by `connect`. */

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
import {
  type ApprovalFilter,
  type ApprovalReply,
  listApprovals,
  type WatchOptions,
  watchApprovals,
} from './approvals.ts'
import { Caller, type CallOptions } from './caller.ts'
import { Feeds } from './feeds.ts'
import { type Follow, type FollowOptions, follow } from './follow.ts'
import { SDK_LIMITS } from './limits.ts'
import { type OutputLine, type OutputOptions, outputLines } from './output-lines.ts'
import { SessionHandle } from './session-handle.ts'
import { type ConnectionStatus, StatusBoard } from './status.ts'
import { followPorts, isSessionId } from './stream-calls.ts'
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

export class Client {
  readonly #options: ClientOptions
  readonly #connection: PeerConnection
  readonly #caller: Caller
  readonly #feeds: Feeds
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
      maxBodyBytes: () => this.#welcome?.max_bodies_bytes ?? WIRE_LIMITS.maxBodiesBytes,
    })
    this.#feeds = new Feeds({ ...options, caller: this.#caller })
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

  /** Why the broker does not let this client in, where the transport tells. */
  get problem(): ProtocolError | undefined {
    return this.#connection.problem
  }

  /**
   * Calls a method; sends again by itself after a lost connection, with the same idempotency key, until
   * the deadline. Rejects with ProtocolError only.
   */
  call<M extends BrokerMethod>(
    method: M,
    params: Params<M>,
    options: CallOptions = {},
  ): Promise<Result<M>> {
    return this.#caller.call(method, params, options)
  }

  /**
   * Follows the stream of a session, through broker restarts too: every sequence once, in order. Its
   * `next` rejects with NO_SUCH_SESSION, FORBIDDEN, CANCELLED or CONNECTION_CLOSED.
   */
  follow(session: string, options: FollowOptions = {}): Follow {
    return follow(session, options, followPorts(this.#caller, this.#feeds, this.#options))
  }

  /** Looks through what an agent wrote, line by line. Throws INVALID_PARAMS for a bad pattern. */
  output(session: string, options: OutputOptions = {}): AsyncGenerator<OutputLine, undefined> {
    const { signal } = options
    return outputLines(
      (params) => this.call('output.query', params, signal ? { signal } : {}),
      session,
      options,
    )
  }

  /** A handle on a session, by id, name or the start of its id; nothing is sent. */
  session(session: string): SessionHandle {
    return new SessionHandle(this.#sessionPorts(), session)
  }

  /** Starts an agent; resolves once it can take a prompt. */
  async createSession(
    params: Params<'session.create'>,
    options: CallOptions = {},
  ): Promise<SessionHandle> {
    const info = await this.#caller.call('session.create', params, options)
    return new SessionHandle(this.#sessionPorts(), info)
  }

  /** Questions of agents; default: those that wait for an answer. */
  approvals(filter: ApprovalFilter = {}, options: CallOptions = {}): Promise<ApprovalInfo[]> {
    return listApprovals(this.#approvalPorts(), filter, options)
  }

  /**
   * Answers a question, by its id or the beginning of it. The first answer wins: rejects with SETTLED when
   * there is another one. Resolves as `applied`, or as `answered` when its host is away and gets it later.
   */
  answer(
    approval: string,
    reply: ApprovalDecision | ApprovalReply,
    options: CallOptions = {},
  ): Promise<ApprovalInfo> {
    const answer = typeof reply === 'string' ? { decision: reply } : reply
    const { decision, message, interrupt } = answer
    const more = {
      ...(message !== undefined && { message }),
      ...(interrupt !== undefined && { interrupt }),
    }
    return this.#caller.call('approval.answer', { approval, decision, ...more }, options)
  }

  /** The questions that wait, then every change of any question, each once, through reconnects. */
  watchApprovals(options: WatchOptions = {}): AsyncGenerator<ApprovalInfo, never> {
    return watchApprovals(this.#approvalPorts(), options)
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
    this.#feeds.close(error('no'))
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
    if (head.kind === 'MOVED') this.#feeds.moved(head.ticket)
    else this.#caller.receive(message)
  }

  #welcomed(told: WelcomeBody): void {
    const welcome = { ...told, streams: reachable(told.streams, this.#options.endpoint) }
    this.#welcome = welcome
    const { instance, epoch, software } = welcome
    this.#feeds.welcomed(welcome) // first, so that opens of before are dropped and not sent again
    this.#caller.connected()
    this.#status.set({ type: 'connected', instance, epoch, software })
  }

  #tick(now: number): void {
    this.#connection.tick(now)
    this.#caller.tick(now)
    this.#feeds.tick(now)
  }

  #health() {
    return {
      loop_lag_ms: this.#ticker.lagMs,
      in_flight: this.#caller.inFlight,
      progress_age_ms: NO_AGENT,
    }
  }

  #sessionPorts() {
    return {
      call: this.call.bind(this),
      follow: this.follow.bind(this),
      approvals: this.approvals.bind(this),
      answer: this.answer.bind(this),
      warm: (session: string) => this.#warm(session),
    }
  }

  #approvalPorts() {
    return { call: this.call.bind(this), pause: this.#options.pause }
  }

  #warm(session: string): () => void {
    const ignore = () => undefined
    if (!isSessionId(session)) return ignore
    return this.#feeds.join(session, { chunk: ignore, head: ignore, failed: ignore })
  }

  #unreachable(reason: string): ProtocolError {
    const { endpoint } = this.#options
    return new ProtocolError('UNREACHABLE', { endpoint, reason }, { where: 'client' })
  }
}
