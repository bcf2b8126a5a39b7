/** The to and fro of a conversation: lines in, turns out, Ctrl-C, and the ways to leave. */
import { setTimeout as delay } from 'node:timers/promises'
import type { TurnReason } from '../../../protocol/messages/chunk.ts'
import type { Cli } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { reportFailure } from '../failure.ts'
import { turnExit } from '../turn-exit.ts'
import type { Approver } from './approver.ts'
import type { Conversation } from './conversation.ts'
import type { LineSource } from './lines.ts'

/** Why the talk ended: the session lives on unless it is `over` or `stopped`. */
export type TalkEnd = 'end-of-input' | 'quit' | 'left' | 'stopped' | 'over'

export interface TalkOptions {
  readonly cli: Cli
  readonly conversation: Conversation
  readonly lines: LineSource
  /** Asks what the agent wants to know; only where people are. */
  readonly approver: Approver | undefined
  readonly isInteractive: boolean
}

/** A second Ctrl-C within this time leaves, ms. */
const TWICE_MS = 2000

/** After a turn whose process is gone, how the process ended comes at once, if anybody knows; ms. */
const LAST_WORDS_MS = 1000

const HELP = [
  '  /quit   leave; the session lives on',
  '  /stop   stop the session and leave',
  '  /help   this',
  '  Ctrl-C  interrupt the turn; twice, or while no turn runs: leave',
]

export class Talk {
  readonly #options: TalkOptions
  readonly #leaving = new AbortController()
  #exitCode: number = EXIT.ok
  #isStopping = false
  #interruptedAt = Number.NEGATIVE_INFINITY

  constructor(options: TalkOptions) {
    this.#options = options
  }

  /** The first failure of a turn, for scripts. */
  get exitCode(): number {
    return this.#exitCode
  }

  /** Talks until the input ends, the user leaves, or the agent is gone. */
  async run(first: string): Promise<TalkEnd> {
    const { cli, conversation } = this.#options
    using _ = cli.interrupts.take((name) => this.#interrupted(name === 'SIGTERM'))
    const left = new Promise<TalkEnd>((resolve) => {
      const signal = AbortSignal.any([this.#leaving.signal, cli.output.gone])
      signal.addEventListener('abort', () => resolve('left'), { once: true })
    })
    const over = conversation.over().then((): TalkEnd => (this.#isStopping ? 'stopped' : 'over'))
    try {
      return await Promise.race([this.#loop(first), over, left])
    } finally {
      this.#leaving.abort()
    }
  }

  async #loop(first: string): Promise<TalkEnd> {
    const { conversation, isInteractive } = this.#options
    await conversation.caughtUp()
    await this.#options.approver?.start()
    if (first !== '' && (await this.#turn(first))) return 'over'
    for (;;) {
      if (isInteractive) await conversation.idle()
      const line = (await this.#nextLine())?.trim()
      if (line === undefined) {
        await conversation.idle()
        return 'end-of-input'
      }
      const end = await this.#line(line)
      if (end) return end
    }
  }

  /** A question of the agent takes the terminal from whoever has not typed a line yet. */
  async #nextLine(): Promise<string | undefined> {
    const { lines, approver } = this.#options
    if (!approver) return await lines.next(this.#leaving.signal)
    for (;;) {
      await approver.idle
      const { preempted } = approver
      const line = await lines.next(AbortSignal.any([this.#leaving.signal, preempted]))
      if (line !== undefined || !preempted.aborted || this.#leaving.signal.aborted) return line
    }
  }

  async #line(line: string): Promise<TalkEnd | undefined> {
    const { cli, conversation, isInteractive } = this.#options
    if (line === '') return undefined
    if (!isInteractive || !line.startsWith('/')) {
      return (await this.#turn(line)) ? 'over' : undefined
    }
    if (line === '/quit') return 'quit'
    if (line === '/stop') {
      this.#isStopping = true
      await conversation.session.stop()
      return 'stopped'
    }
    if (line !== '/help') cli.output.note(`  there is no ${line}`)
    for (const text of HELP) cli.output.note(text)
    return undefined
  }

  /**
   * True when the agent is gone. A prompt that cannot be given ends a script; a person reads why and
   * goes on.
   */
  async #turn(text: string): Promise<boolean> {
    const { cli, conversation, isInteractive } = this.#options
    try {
      const reason = await conversation.ask(text)
      this.#note(reason)
      if (reason !== 'gone') return false
      await Promise.race([conversation.over(), delay(LAST_WORDS_MS)])
      return !isInteractive || conversation.isOver
    } catch (thrown) {
      if (!isInteractive || this.#leaving.signal.aborted) throw thrown
      reportFailure(thrown, cli.output, cli.globals.debug)
      return false
    }
  }

  #note(reason: TurnReason): void {
    if (this.#exitCode === EXIT.ok && !this.#options.isInteractive)
      this.#exitCode = turnExit(reason)
  }

  #interrupted(isTermination: boolean): void {
    const { cli, conversation } = this.#options
    const now = performance.now()
    if (isTermination || !conversation.isBusy || now - this.#interruptedAt < TWICE_MS) {
      if (isTermination) this.#exitCode = EXIT.terminated
      else if (conversation.isBusy) this.#exitCode = EXIT.interrupted
      this.#leaving.abort()
      return
    }
    this.#interruptedAt = now
    cli.output.note('· interrupting; Ctrl-C again leaves')
    conversation.interrupt().catch((thrown: unknown) => {
      reportFailure(thrown, cli.output, cli.globals.debug)
    })
  }
}
