/** Evidence that a PONG carries, gathered by the part that owns the event loop. */
export interface HealthEvidence {
  readonly loop_lag_ms: number
  readonly in_flight: number
  readonly progress_age_ms: number
}

export const NO_AGENT = -1

/**
 * Worst delay of the event loop over the last two windows, from timers that should have fired on time.
 * Two windows, so that the value never drops to nothing right after a window closes.
 */
export class LoopLag {
  readonly #windowMs: number
  #windowEndsAt: number
  #current = 0
  #previous = 0

  constructor(now: number, windowMs = 5000) {
    this.#windowMs = windowMs
    this.#windowEndsAt = now + windowMs
  }

  /** A timer that was due at `dueAt` ran at `now`. */
  ran(dueAt: number, now: number): void {
    if (now >= this.#windowEndsAt) {
      this.#previous = this.#current
      this.#current = 0
      this.#windowEndsAt = now + this.#windowMs
    }
    this.#current = Math.max(this.#current, now - dueAt)
  }

  get worstMs(): number {
    return Math.max(0, Math.round(Math.max(this.#current, this.#previous) * 10) / 10)
  }
}
