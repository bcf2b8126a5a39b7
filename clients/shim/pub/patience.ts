/** How long chunks may wait for a full subscriber: a budget that waiting spends and time refills. Pure. */
export class Patience {
  readonly #maxMs: number
  readonly #refill: number
  #leftMs: number
  #at: number

  /** `refill`: ms that come back for each ms. */
  constructor(maxMs: number, refill: number, now: number) {
    this.#maxMs = maxMs
    this.#refill = refill
    this.#leftMs = maxMs
    this.#at = now
  }

  /** True when there was enough left to wait so long. */
  spend(ms: number, now: number): boolean {
    this.#leftMs = Math.min(this.#maxMs, this.#leftMs + (now - this.#at) * this.#refill)
    this.#at = now
    if (this.#leftMs < ms) return false
    this.#leftMs -= ms
    return true
  }
}
