/** Keeps pieces so many milliseconds apart, on the average. */
import { setTimeout as delay } from 'node:timers/promises'

export class Pacer {
  readonly #delayMs: number
  readonly #signal: AbortSignal
  #owedMs = 0

  constructor(delayMs: number, signal: AbortSignal) {
    this.#delayMs = delayMs
    this.#signal = signal
  }

  /** Resolves when the next piece is due. Rejects when the signal is aborted. */
  async next(): Promise<void> {
    this.#owedMs += this.#delayMs
    if (this.#owedMs >= 1) {
      await delay(this.#owedMs, undefined, { signal: this.#signal })
      this.#owedMs = 0 // a timer waits whole milliseconds, so shorter delays are saved up
    }
    this.#signal.throwIfAborted()
  }
}
