/** One prompt and all that comes of it. */
import type { ChunkBody } from '../../protocol/messages/chunk.ts'
import type { SessionInfo } from '../../protocol/methods/types.ts'
import type { Follow } from './follow.ts'
import type { StreamItem } from './stream-item.ts'

export interface RunPorts {
  /** Opens the live feed ahead of the prompt; the returned function lets it go. */
  warm(): () => void
  prompt(): Promise<{ readonly turn: number; readonly sequence: number }>
  follow(from: number): Follow
  refresh(): Promise<SessionInfo>
  interrupt(): Promise<unknown>
}

/**
 * Yields what belongs to the prompt's turn or to no turn, up to its `turn_complete`, or to `complete`
 * when the process ends first. Aborting interrupts the turn; the rest of it is still yielded.
 */
export async function* runPrompt(
  ports: RunPorts,
  signal: AbortSignal | undefined,
): AsyncGenerator<StreamItem, undefined> {
  const cool = ports.warm()
  try {
    const { turn, sequence } = await ports.prompt()
    const items = ports.follow(sequence)
    const interruption = new Interruption(ports, turn, items)
    const onAbort = () => interruption.ask()
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) interruption.ask()
    try {
      for await (const item of items) {
        interruption.see(item)
        if (isOf(item, turn)) yield item
        if (isEnd(item, turn)) return undefined
      }
      interruption.check()
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  } finally {
    cool()
  }
}

function isOf(item: StreamItem, turn: number): boolean {
  return item.type === 'gap' || item.turn === turn || item.turn === 0
}

function isEnd(item: StreamItem, turn: number): boolean {
  if (item.type === 'turn_complete') return endedTurn(item) >= turn
  return item.type === 'complete'
}

function endedTurn(item: ChunkBody<'turn_complete'>): number {
  return item.turn_number
}

/** `session.interrupt` ends whatever runs; ours may still queue behind a turn that is not ours to end. */
class Interruption {
  readonly #ports: RunPorts
  readonly #turn: number
  readonly #items: Follow
  #lastEnded = 0
  #isAsked = false
  #isSent = false
  #failure: { readonly thrown: unknown } | undefined

  constructor(ports: RunPorts, turn: number, items: Follow) {
    this.#ports = ports
    this.#turn = turn
    this.#items = items
  }

  see(item: StreamItem): void {
    if (item.type !== 'turn_complete') return
    this.#lastEnded = Math.max(this.#lastEnded, endedTurn(item))
    if (this.#isAsked && this.#lastEnded === this.#turn - 1) this.#attempt(() => this.#send())
  }

  ask(): void {
    this.#isAsked = true
    this.#attempt(async () => {
      const info = await this.#ports.refresh()
      const running = info.turn - info.pending_turns + 1
      if (running >= this.#turn) await this.#send()
    })
  }

  /** Throws what kept the turn from being interrupted. */
  check(): void {
    if (this.#failure) throw this.#failure.thrown
  }

  async #send(): Promise<void> {
    if (this.#isSent) return
    this.#isSent = true
    await this.#ports.interrupt()
  }

  #attempt(work: () => Promise<void>): void {
    work().catch((thrown: unknown) => {
      this.#failure = { thrown }
      return this.#items.return() // nothing would end the turn now, so do not wait for its end
    })
  }
}
