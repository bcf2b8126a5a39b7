/** Counts values by size, in buckets with fixed upper bounds: a few additions for each value. */
export class Histogram {
  /** Upper bounds, ascending; what is above the last is only in `count`. */
  readonly bounds: readonly number[]
  /** Values in each bucket alone, not in those below it. */
  readonly #counts: number[]
  #count = 0
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  get count(): number {
    return this.#count
  }

  get sum(): number {
    return this.#sum
  }

  observe(value: number): void {
    this.#count += 1
    this.#sum += value
    const index = this.bounds.findIndex((bound) => value <= bound)
    if (index >= 0) this.#counts[index] = (this.#counts[index] ?? 0) + 1
  }

  /** For each bound, how many values were at most that large. */
  *cumulative(): Generator<readonly [bound: number, count: number]> {
    let count = 0
    for (const [index, bound] of this.bounds.entries()) {
      count += this.#counts[index] ?? 0
      yield [bound, count]
    }
  }
}
