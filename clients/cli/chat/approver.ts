/**
 * Asks the person at the terminal what an agent wants to know, one question after the other. A question
 * that is settled elsewhere meanwhile goes away by itself: the stream tells by whom.
 */
import type { ApprovalDecision, ApprovalReply, SessionHandle } from '../../sdk/index.ts'
import { ProtocolError, type StreamItem } from '../../sdk/index.ts'
import type { Cli } from '../command.ts'
import { reportFailure } from '../failure.ts'
import { shortId } from '../session-text.ts'
import type { LineSource } from './lines.ts'

interface Question {
  readonly approval: string
  readonly options: readonly ApprovalDecision[]
}

export interface ApproverOptions {
  readonly cli: Cli
  readonly session: SessionHandle
  readonly lines: LineSource
}

export class Approver {
  readonly #options: ApproverOptions
  readonly #open = new Map<string, Question>()
  /** Aborts the prompt of the question that is on the terminal. */
  #asking: { readonly approval: string; readonly gone: AbortController } | undefined
  #isStarted = false
  #preempt = new AbortController()
  #idle: Promise<void> = Promise.resolve()

  constructor(options: ApproverOptions) {
    this.#options = options
  }

  /** Aborts when a question needs the terminal: whoever reads lines gives way. */
  get preempted(): AbortSignal {
    return this.#preempt.signal
  }

  /** Resolves when no question is on the terminal. */
  get idle(): Promise<void> {
    return this.#idle
  }

  /** Asks what waits already; from now on what comes, too. */
  async start(): Promise<void> {
    for (const waiting of await this.#options.session.approvals())
      this.#open.set(waiting.approval, waiting)
    this.#isStarted = true
    this.#ask()
  }

  see(item: StreamItem): void {
    if (item.type === 'approval_settled') {
      this.#open.delete(item.approval)
      if (this.#asking?.approval === item.approval) this.#asking.gone.abort()
    } else if (item.type === 'approval_request' && this.#isStarted) {
      this.#open.set(item.approval, item)
      this.#ask()
    }
  }

  /** Gives the terminal back for good. */
  close(): void {
    this.#open.clear()
    this.#asking?.gone.abort()
  }

  #ask(): void {
    if (this.#asking || this.#open.size === 0) return
    this.#preempt.abort()
    this.#idle = this.#askAll().finally(() => {
      this.#preempt = new AbortController()
    })
  }

  async #askAll(): Promise<void> {
    for (let [next] = this.#open.values(); next; [next] = this.#open.values()) {
      this.#asking = { approval: next.approval, gone: new AbortController() }
      await this.#askOne(next, this.#asking.gone.signal)
      this.#open.delete(next.approval)
      this.#asking = undefined
    }
  }

  async #askOne(question: Question, gone: AbortSignal): Promise<void> {
    const { cli, lines, session } = this.#options
    const always = question.options.includes('allow_always') ? '  [a]lways' : ''
    const prompt = `  allow?  [y]es${always}  [n]o, or no and why › `
    while (!gone.aborted) {
      const line = await lines.next(gone, prompt)
      if (gone.aborted) return
      if (line === undefined) {
        cli.output.note(`· not answered; later: agentmq approve ${shortId(question.approval)}`)
        return
      }
      const reply = replyOf(line, question.options)
      if (!reply) continue
      await session.answer(question.approval, reply).catch((thrown: unknown) => {
        // Who was first is in the stream.
        if (thrown instanceof ProtocolError && thrown.code === 'SETTLED') return
        reportFailure(thrown, cli.output, cli.globals.debug)
      })
      return
    }
  }
}

const WORDS: ReadonlyMap<string, ApprovalDecision> = new Map([
  ['y', 'allow'],
  ['yes', 'allow'],
  ['a', 'allow_always'],
  ['always', 'allow_always'],
  ['n', 'deny'],
  ['no', 'deny'],
])

/** `n` or `no`, and behind it what the agent is told; undefined for what is no answer. */
export function replyOf(
  line: string,
  options: readonly ApprovalDecision[],
): ApprovalReply | undefined {
  const [word = '', ...rest] = line.trim().split(/[\s,:]+/)
  const decision = WORDS.get(word.toLowerCase())
  const message = rest.join(' ')
  if (!decision || !options.includes(decision)) return undefined
  if (message === '') return { decision }
  return decision === 'deny' ? { decision, message } : undefined
}
