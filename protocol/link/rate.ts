/**
 * How often something may be done: so many at once after a rest, so many a second in the long run. Pure: the
 * clock is passed in. Whoever is refused is told when to come again, each later than the one before.
 */

export interface RateLimits {
  /** In the long run; 0 = any number. */
  readonly perSecond: number
  /** At once, after a rest. */
  readonly burst: number
}

export class Rate {
  readonly limits: RateLimits
  /** When all that was done would have been done at the steady rate, ms. */
  #doneAt = Number.NEGATIVE_INFINITY
  /** For when the one that was refused last was told to come again, ms. */
  #promisedAt = Number.NEGATIVE_INFINITY

  constructor(limits: RateLimits) {
    this.limits = limits
  }

  /** 0 = done; else how long to wait, ms. */
  take(now: number, count = 1): number {
    const { perSecond, burst } = this.limits
    if (perSecond === 0) return 0
    const eachMs = 1000 / perSecond
    const doneAt = Math.max(this.#doneAt, now) + eachMs * count
    const waitMs = doneAt - now - eachMs * burst
    if (waitMs <= 0) {
      this.#doneAt = doneAt
      return 0
    }
    this.#promisedAt = Math.max(this.#promisedAt, now + waitMs - eachMs) + eachMs
    return this.#promisedAt - now
  }

  /** Counts what is done already, also when it was more than there may be. */
  spend(now: number, count: number): void {
    const { perSecond } = this.limits
    if (perSecond > 0) this.#doneAt = Math.max(this.#doneAt, now) + (1000 / perSecond) * count
  }

  /** How long to wait until anything may be done, ms; takes nothing. */
  waitMs(now: number): number {
    const { perSecond, burst } = this.limits
    if (perSecond === 0) return 0
    return Math.max(0, this.#doneAt - now - (1000 / perSecond) * burst)
  }

  /** Nothing of it is remembered any more: it may be forgotten. */
  isRested(now: number): boolean {
    return this.#doneAt <= now && this.#promisedAt <= now
  }
}
