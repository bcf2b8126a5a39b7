/**
 * What is held in memory for clients who send or read slowly. Beyond the limit the one who has made it wait the
 * longest is cut off, so that nobody can keep others out by doing nothing.
 */

/** Less than this is not counted: the limit of connections bounds it. */
export const COUNTED_BYTES = 65_536

interface Holding {
  readonly bytes: number
  readonly cut: () => void
}

export class HeldBytes {
  readonly #limit: number
  /** Oldest first. */
  readonly #holdings = new Set<Holding>()
  #total = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get total(): number {
    return this.#total
  }

  /** The returned function lets go of them; `cut` is called at most once, and before that never. */
  hold(bytes: number, cut: () => void): () => void {
    if (bytes <= COUNTED_BYTES) return () => undefined
    const mine: Holding = { bytes, cut }
    this.#holdings.add(mine)
    this.#total += bytes
    for (const oldest of this.#holdings) {
      if (this.#total <= this.#limit || oldest === mine) break
      this.#release(oldest)
      oldest.cut()
    }
    return () => this.#release(mine)
  }

  #release(holding: Holding): void {
    if (this.#holdings.delete(holding)) this.#total -= holding.bytes
  }
}
