/** A session as one talks to it: shows its stream, and knows which turns are under way. */
import type { TurnReason } from '../../../protocol/messages/chunk.ts'
import type { SessionHandle, StreamItem } from '../../sdk/index.ts'

export interface ConversationOptions {
  /** First sequence to show. */
  readonly from: number
  /** Highest sequence when the conversation was joined. */
  readonly head: number
  /** `isMine`: a prompt that was asked here. */
  readonly show: (item: StreamItem, isMine: boolean) => void
  readonly signal: AbortSignal
}

interface Waiter {
  /** True when the wait is over. */
  readonly check: () => boolean
  readonly reject: (reason: unknown) => void
}

const ACTIVITY: ReadonlySet<string> = new Set(['prompt', 'text', 'thinking', 'tool_use_start'])

export class Conversation {
  readonly #session: SessionHandle
  readonly #options: ConversationOptions
  readonly #finished = new Map<number, TurnReason>()
  readonly #underWay = new Set<number>()
  readonly #waiters = new Set<Waiter>()
  /** Texts that were asked here and whose record in the stream has not been seen. */
  readonly #asked: string[] = []
  #sequence = 0
  #isOver = false
  #failure: unknown

  constructor(session: SessionHandle, options: ConversationOptions) {
    this.#session = session
    this.#options = options
    this.#sequence = options.from - 1
  }

  get session(): SessionHandle {
    return this.#session
  }

  get isBusy(): boolean {
    return this.#underWay.size > 0 || this.#asked.length > 0
  }

  /** Whether the agent's process has ended, as far as the stream tells. */
  get isOver(): boolean {
    return this.#isOver && this.#sequence >= this.#options.head
  }

  /** Follows the stream until the signal aborts. */
  start(): void {
    this.#follow().catch((reason: unknown) => this.#fail(reason))
  }

  /** Asks, and resolves with the way the turn ended. */
  async ask(text: string): Promise<TurnReason> {
    this.#asked.push(text)
    const { turn } = await this.#session.prompt(text).catch((reason: unknown) => {
      this.#forget(text)
      throw reason
    })
    return await this.#until(() => this.#finished.get(turn) ?? (this.isOver ? 'gone' : undefined))
  }

  async interrupt(): Promise<void> {
    await this.#session.interrupt()
  }

  /** Resolves when what had been said before is shown. */
  async caughtUp(): Promise<void> {
    await this.#until(() => this.#sequence >= this.#options.head || undefined)
  }

  /** Resolves when no turn is under way. */
  async idle(): Promise<void> {
    await this.#until(() => !this.isBusy || this.isOver || undefined)
  }

  /** Resolves when the agent's process has ended. */
  async over(): Promise<void> {
    await this.#until(() => this.isOver || undefined)
  }

  async #follow(): Promise<void> {
    const { from, signal } = this.#options
    for await (const item of this.#session.follow({ from, signal, until: 'never' })) {
      this.#take(item)
      for (const waiter of this.#waiters) if (waiter.check()) this.#waiters.delete(waiter)
    }
    this.#fail(new Error('the stream ended'))
  }

  #take(item: StreamItem): void {
    this.#sequence = item.type === 'gap' ? item.to : item.seq
    const isMine = item.type === 'prompt' && this.#forget(item.text)
    if (ACTIVITY.has(item.type) && item.type !== 'gap') this.#underWay.add(item.turn)
    if (item.type === 'turn_complete') {
      this.#finished.set(item.turn_number, item.reason)
      this.#underWay.delete(item.turn_number)
    }
    this.#isOver = item.type === 'complete'
    if (this.#isOver) this.#underWay.clear()
    this.#options.show(item, isMine)
  }

  #forget(text: string): boolean {
    const index = this.#asked.indexOf(text)
    if (index >= 0) this.#asked.splice(index, 1)
    return index >= 0
  }

  async #until<T>(find: () => T | undefined): Promise<T> {
    const already = find()
    if (already !== undefined) return already
    if (this.#failure !== undefined) throw this.#failure
    return await new Promise<T>((resolve, reject) => {
      const check = () => {
        const found = find()
        if (found !== undefined) resolve(found)
        return found !== undefined
      }
      this.#waiters.add({ check, reject })
    })
  }

  #fail(reason: unknown): void {
    this.#failure = reason
    for (const waiter of this.#waiters) waiter.reject(reason)
    this.#waiters.clear()
  }
}
