/** What can be said of a figure that was measured at several points, in words that fit whatever it did. Pure. */
import { figure } from '../report/numbers.ts'

export interface Sampled {
  readonly x: number
  readonly figures: Readonly<Record<string, number>>
}

/** A figure that moves by less than this has stayed what it was: points of one run differ by so much. */
const SAME = 1.5

export class Trends {
  readonly #points: readonly Sampled[]

  /** In the order of their x. Throws when there are none. */
  constructor(points: readonly Sampled[]) {
    if (points.length === 0) throw new Error('nothing was measured')
    this.#points = points
  }

  get first(): number {
    return this.#points[0]?.x ?? 0
  }

  get last(): number {
    return this.#points.at(-1)?.x ?? 0
  }

  /** Of the point with this x; of the last one without. Throws when it was not measured. */
  value(name: string, x: number = this.last): number {
    const value = this.#points.find((point) => point.x === x)?.figures[name]
    if (value === undefined) throw new Error(`no ${name} at ${x}`)
    return value
  }

  /** The point with the largest value of it. */
  peak(name: string): number {
    const values = this.#points.map(({ x }) => ({ x, value: this.value(name, x) }))
    return values.reduce((best, one) => (one.value > best.value ? one : best)).x
  }

  /** Over all points. */
  sum(name: string): number {
    return this.#points.reduce((sum, { x }) => sum + this.value(name, x), 0)
  }

  /** The last value divided by the first. */
  factor(name: string): number {
    return this.value(name) / this.value(name, this.first)
  }

  /** How much more of it there is for each one more of x. */
  perUnit(name: string): number {
    return (this.value(name) - this.value(name, this.first)) / (this.last - this.first)
  }

  /** What the figure did, in the unit that is given. */
  words(name: string, unit: string): string {
    const of = (x: number) => `${figure(this.value(name, x))}${unit && ` ${unit}`}`
    const [before, after] = [of(this.first), of(this.last)]
    const away = this.#points.findIndex(({ x }) => !this.#areAlike(name, x, this.first))
    if (away === -1) return `stays level (${before} at first, ${after} at last)`
    if (this.#areAlike(name, this.first, this.last)) {
      const far = this.#farthest(name)
      return `wanders (${before} at first, ${of(far)} at ${figure(far)}, ${after} at last)`
    }
    return `goes from ${before} to ${after}${this.#level(name, away)}`
  }

  /** Where it did not move: before this point, and since it has been what it was at last. */
  #level(name: string, away: number): string {
    const until = this.#points[away - 1]?.x ?? this.first
    const other = this.#points.findLastIndex(({ x }) => !this.#areAlike(name, x, this.last))
    const from = this.#points[other + 1]?.x ?? this.last
    if (from <= until) return ', little by little'
    const both = [
      ...(until === this.first ? [] : [`up to ${figure(until)}`]),
      ...(from === this.last ? [] : [`from ${figure(from)} on`]),
    ]
    return both.length === 0 ? '' : `, level ${both.join(' and ')}`
  }

  #areAlike(name: string, one: number, other: number): boolean {
    const by = this.value(name, one) / this.value(name, other)
    return by < SAME && by > 1 / SAME
  }

  /** The point that is the most times, or parts, of the first. */
  #farthest(name: string): number {
    const by = (x: number) => Math.abs(Math.log(this.value(name, x) / this.value(name, this.first)))
    return this.#points.reduce((far, { x }) => (by(x) > by(far) ? x : far), this.first)
  }
}
