/** How often each key may open a connection, and which may not for a while. */
import { Rate, type RateLimits } from '../../protocol/link/rate.ts'

/** Keys that are remembered at a time; one that rests is forgotten. */
const SWEEP_AT = 1024

export class ConnectRates {
  readonly #limits: RateLimits
  readonly #rates = new Map<string, Rate>()
  /** Until when, by key. There are no more than keys that were approved. */
  readonly #barred = new Map<string, number>()
  #sweepAt = SWEEP_AT

  constructor(limits: RateLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#rates.size
  }

  /** It may not connect until then. */
  bar(key: string, until: number): void {
    this.#barred.set(key, until)
  }

  /** Whether this key may connect now. */
  take(key: string, now: number): boolean {
    const until = this.#barred.get(key)
    if (until !== undefined && now < until) return false
    if (until !== undefined) this.#barred.delete(key)
    let rate = this.#rates.get(key)
    if (!rate) {
      rate = new Rate(this.#limits)
      this.#rates.set(key, rate)
      if (this.#rates.size > this.#sweepAt) this.#sweep(now)
    }
    return rate.take(now) === 0
  }

  /** There are no more than keys that were approved, so what is left is bounded. */
  #sweep(now: number): void {
    for (const [key, rate] of this.#rates) if (rate.isRested(now)) this.#rates.delete(key)
    this.#sweepAt = Math.max(SWEEP_AT, this.#rates.size * 2)
  }
}
