/** On whose behalf a client works: its own, or that of a user, for whom a gateway may act. */
import type { ProtocolError } from '../../protocol/errors.ts'
import type { RandomBytes } from '../../protocol/ids.ts'
import type { ApprovalDecision } from '../../protocol/messages/chunk.ts'
import type { WelcomeBody } from '../../protocol/messages/handshake.ts'
import type { BrokerMethod, Params, Result } from '../../protocol/methods/index.ts'
import type { ApprovalInfo } from '../../protocol/methods/types.ts'
import {
  type ApprovalFilter,
  type ApprovalReply,
  listApprovals,
  type WatchOptions,
  watchApprovals,
} from './approvals.ts'
import { type Caller, type CallOptions, cancelled } from './caller.ts'
import type { Feeds } from './feeds.ts'
import { type Follow, type FollowOptions, follow } from './follow.ts'
import { type OutputLine, type OutputOptions, outputLines } from './output-lines.ts'
import { SessionHandle } from './session-handle.ts'
import { followPorts, isSessionId } from './stream-calls.ts'

/** What can be done with a broker. */
export interface Actor {
  /** The user that it is; undefined = the client itself. */
  readonly user: string | undefined
  /** What the broker said in the latest handshake. Throws before the first one. */
  readonly welcome: WelcomeBody
  /**
   * Calls a method; sends again by itself after a lost connection, with the same idempotency key, until
   * the deadline. Rejects with ProtocolError only.
   */
  call<M extends BrokerMethod>(
    method: M,
    params: Params<M>,
    options?: CallOptions,
  ): Promise<Result<M>>
  /**
   * Follows the stream of a session, through broker restarts too: every sequence once, in order. Its
   * `next` rejects with NO_SUCH_SESSION, FORBIDDEN, CANCELLED or CONNECTION_CLOSED.
   */
  follow(session: string, options?: FollowOptions): Follow
  /**
   * Resolves once something that was published on this stream has come, which proves that live streams
   * reach this client. Rejects with what keeps it from following, or with CANCELLED.
   */
  liveness(stream: string, signal: AbortSignal): Promise<void>
  /** Looks through what an agent wrote, line by line. Throws INVALID_PARAMS for a bad pattern. */
  output(session: string, options?: OutputOptions): AsyncGenerator<OutputLine, undefined>
  /** A handle on a session, by id, name or the start of its id; nothing is sent. */
  session(session: string): SessionHandle
  /** Starts an agent; resolves once it can take a prompt. */
  createSession(params: Params<'session.create'>, options?: CallOptions): Promise<SessionHandle>
  /** Questions of agents; default: those that wait for an answer. */
  approvals(filter?: ApprovalFilter, options?: CallOptions): Promise<ApprovalInfo[]>
  /**
   * Answers a question, by its id or the beginning of it. The first answer wins: rejects with SETTLED when
   * there is another one. Resolves as `applied`, or as `answered` when its host is away and gets it later.
   */
  answer(
    approval: string,
    reply: ApprovalDecision | ApprovalReply,
    options?: CallOptions,
  ): Promise<ApprovalInfo>
  /** The questions that wait, then every change of any question, each once, through reconnects. */
  watchApprovals(options?: WatchOptions): AsyncGenerator<ApprovalInfo, never>
}

export interface ActingPorts {
  /** Absent = the client itself. */
  readonly user?: string
  readonly caller: Pick<Caller, 'call'>
  readonly feeds: () => Feeds
  readonly welcome: () => WelcomeBody
  readonly randomBytes: RandomBytes
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Gives [0, 1). */
  readonly random: () => number
}

export class Acting implements Actor {
  readonly #ports: ActingPorts

  constructor(ports: ActingPorts) {
    this.#ports = ports
  }

  get user(): string | undefined {
    return this.#ports.user
  }

  get welcome(): WelcomeBody {
    return this.#ports.welcome()
  }

  call<M extends BrokerMethod>(
    method: M,
    params: Params<M>,
    options: CallOptions = {},
  ): Promise<Result<M>> {
    return this.#ports.caller.call(method, params, options)
  }

  follow(session: string, options: FollowOptions = {}): Follow {
    const { caller, feeds } = this.#ports
    // Those who follow nothing have no feeds, so they are looked for when it begins.
    const joining = { join: (...reader: Parameters<Feeds['join']>) => feeds().join(...reader) }
    return follow(session, options, followPorts(caller, joining, this.#ports))
  }

  liveness(stream: string, signal: AbortSignal): Promise<void> {
    const feeds = this.#ports.feeds()
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        signal.removeEventListener('abort', onAbort)
        queueMicrotask(leave)
        settle()
      }
      const onAbort = () => end(() => reject(cancelled(signal, 'no')))
      const look = () => feeds.isLive(stream) && end(resolve)
      const failed = (error: ProtocolError) => end(() => reject(error))
      const leave = feeds.join(stream, { chunk: look, head: look, failed })
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  output(session: string, options: OutputOptions = {}): AsyncGenerator<OutputLine, undefined> {
    const { signal } = options
    return outputLines(
      (params) => this.call('output.query', params, signal ? { signal } : {}),
      session,
      options,
    )
  }

  session(session: string): SessionHandle {
    return new SessionHandle(this.#sessionPorts(), session)
  }

  async createSession(
    params: Params<'session.create'>,
    options: CallOptions = {},
  ): Promise<SessionHandle> {
    const info = await this.call('session.create', params, options)
    return new SessionHandle(this.#sessionPorts(), info)
  }

  approvals(filter: ApprovalFilter = {}, options: CallOptions = {}): Promise<ApprovalInfo[]> {
    return listApprovals(this.#approvalPorts(), filter, options)
  }

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
    return this.call('approval.answer', { approval, decision, ...more }, options)
  }

  watchApprovals(options: WatchOptions = {}): AsyncGenerator<ApprovalInfo, never> {
    return watchApprovals(this.#approvalPorts(), options)
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
    return { call: this.call.bind(this), pause: this.#ports.pause }
  }

  #warm(session: string): () => void {
    const ignore = () => undefined
    if (!isSessionId(session)) return ignore
    return this.#ports.feeds().join(session, { chunk: ignore, head: ignore, failed: ignore })
  }
}
