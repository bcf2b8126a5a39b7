/** A session as an object. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { ApprovalDecision } from '../../protocol/messages/chunk.ts'
import type { Signal } from '../../protocol/methods/control.ts'
import type { BrokerMethod, Params, Result } from '../../protocol/methods/index.ts'
import type { WhenBusy } from '../../protocol/methods/session.ts'
import type { ApprovalInfo, PauseMode, SessionInfo } from '../../protocol/methods/types.ts'
import type { ApprovalReply } from './approvals.ts'
import type { CallOptions } from './caller.ts'
import type { Follow, FollowOptions } from './follow.ts'
import { runPrompt } from './run-prompt.ts'
import type { StreamItem } from './stream-item.ts'

export interface PromptOptions extends CallOptions {
  /** What to do while a turn runs; default: queue behind it. */
  readonly whenBusy?: WhenBusy | undefined
}

/** Methods that take a session and tell what it is now. */
type SessionMethod = {
  [M in BrokerMethod]: 'session' extends keyof Params<M>
    ? Result<M> extends SessionInfo
      ? M
      : never
    : never
}[BrokerMethod]

/** What a handle needs of its client. */
export interface SessionPorts {
  call<M extends BrokerMethod>(
    method: M,
    params: Params<M>,
    options?: CallOptions,
  ): Promise<Result<M>>
  follow(session: string, options?: FollowOptions): Follow
  approvals(filter: { readonly session: string }, options?: CallOptions): Promise<ApprovalInfo[]>
  answer(
    approval: string,
    reply: ApprovalDecision | ApprovalReply,
    options?: CallOptions,
  ): Promise<ApprovalInfo>
  /** Opens the live feed of a session ahead of its first reader. */
  warm(session: string): () => void
}

export class SessionHandle {
  readonly #reference: string
  readonly #ports: SessionPorts
  #info: SessionInfo | undefined

  constructor(ports: SessionPorts, session: string | SessionInfo) {
    this.#ports = ports
    this.#reference = typeof session === 'string' ? session : session.session
    this.#info = typeof session === 'string' ? undefined : session
  }

  /** The id once it is known; until then whatever the handle was made with. */
  get id(): string {
    return this.#info?.session ?? this.#reference
  }

  /** As of the last call that told. Throws when none has: `refresh()` first. */
  get info(): SessionInfo {
    if (this.#info) return this.#info
    const reason = `nothing is known about session ${this.#reference} before refresh()`
    throw new ProtocolError('INTERNAL', { reason }, { where: 'client' })
  }

  /** Resolves when the host has the prompt; the answer is in the stream from `sequence` on. */
  async prompt(
    text: string,
    options: PromptOptions = {},
  ): Promise<{ readonly turn: number; readonly sequence: number }> {
    const { whenBusy, ...call } = options
    const params = {
      session: this.id,
      text,
      ...(whenBusy !== undefined && { when_busy: whenBusy }),
    }
    const { turn, sequence } = await this.#ports.call('session.prompt', params, call)
    return { turn, sequence }
  }

  /** Prompts, then yields the turn to its end. Aborting interrupts the turn, whose rest still comes. */
  run(text: string, options: PromptOptions = {}): AsyncGenerator<StreamItem, undefined> {
    const ports = {
      warm: () => this.#ports.warm(this.id),
      prompt: () => this.prompt(text, options),
      follow: (from: number) => this.follow({ from }),
      refresh: () => this.refresh(),
      interrupt: () => this.interrupt(),
    }
    return runPrompt(ports, options.signal)
  }

  follow(options: FollowOptions = {}): Follow {
    return this.#ports.follow(this.id, options)
  }

  /** What its agent asks and nobody has answered yet. */
  approvals(options: CallOptions = {}): Promise<ApprovalInfo[]> {
    return this.#ports.approvals({ session: this.id }, options)
  }

  /** As `answer` of the client. */
  answer(
    approval: string,
    reply: ApprovalDecision | ApprovalReply,
    options: CallOptions = {},
  ): Promise<ApprovalInfo> {
    return this.#ports.answer(approval, reply, options)
  }

  /** Ends the running turn, if there is one. */
  interrupt(options: CallOptions = {}): Promise<Result<'session.interrupt'>> {
    return this.#ports.call('session.interrupt', { session: this.id }, options)
  }

  /** Ends the process step by step; resolves when it is gone. */
  stop(options: CallOptions = {}): Promise<SessionInfo> {
    return this.#learn('session.stop', options)
  }

  /** Ends the process and its descendants at once; resolves when they are gone. */
  kill(options: CallOptions = {}): Promise<SessionInfo> {
    return this.#learn('session.kill', options)
  }

  /** Goes on with the conversation in a new process. */
  recover(options: CallOptions = {}): Promise<SessionInfo> {
    return this.#learn('session.recover', options)
  }

  /** `hold` lets the running turn go on and begins no other; `freeze` stops its processes. */
  pause(mode: PauseMode = 'hold', options: CallOptions = {}): Promise<SessionInfo> {
    return this.#learn('session.pause', options, { mode })
  }

  /** Ends a pause. */
  resume(options: CallOptions = {}): Promise<SessionInfo> {
    return this.#learn('session.resume', options)
  }

  /** Sends a signal to its process group. */
  signal(signal: Signal, options: CallOptions = {}): Promise<SessionInfo> {
    return this.#learn('session.signal', options, { signal })
  }

  /** Writes one line to a program that reads plain lines. */
  write(line: string, options: CallOptions = {}): Promise<SessionInfo> {
    return this.#learn('session.write', options, { line })
  }

  /** What its host sees of its process at this moment. `data` comes back as it is. */
  probe(data = '', options: CallOptions = {}): Promise<Result<'session.probe'>> {
    return this.#ports.call('session.probe', { session: this.id, data }, options)
  }

  /** Changes the permission mode. */
  setMode(mode: string, options: CallOptions = {}): Promise<SessionInfo> {
    return this.#learn('session.set_mode', options, { mode })
  }

  /** Asks the broker anew. */
  refresh(options: CallOptions = {}): Promise<SessionInfo> {
    return this.#learn('session.get', options)
  }

  async #learn<M extends SessionMethod>(
    method: M,
    options: CallOptions,
    more?: Omit<Params<M>, 'session'>,
  ): Promise<SessionInfo> {
    const params = { session: this.id, ...more } as Params<M>
    this.#info = (await this.#ports.call(method, params, options)) as SessionInfo
    return this.#info
  }
}
