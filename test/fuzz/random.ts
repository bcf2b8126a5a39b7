/** Chance from a seed, with the choices that generators make. Each case has a generator of its own. */
import { seededRandom } from '../support/virtual-clock.ts'

export class Random {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = seededRandom(seed)
  }

  /** The chance of one case: a run with the same seed makes the same case, whatever came before it. */
  static ofCase(seed: number, target: string, index: number): Random {
    let hash = 0x811c9dc5 ^ seed
    for (const character of `${target}\n${index}`) {
      hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
    }
    return new Random(hash >>> 0)
  }

  /** In [0, 1). */
  fraction(): number {
    return this.#next()
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.#next() * limit)
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  chance(share: number): boolean {
    return this.#next() < share
  }

  pick<T>(list: readonly T[]): T {
    const index = this.below(list.length)
    if (index >= list.length) throw new Error('nothing to pick from')
    return list[index] as T
  }

  /** Mostly small: 0, 1 and 2 are half of all, and 60 is rare. */
  size(most = 64): number {
    return Math.min(most, Math.floor(-Math.log(1 - this.#next()) * 4))
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let index = 0; index < length; index += 1) bytes[index] = this.below(256)
    return bytes
  }

  uint32(): number {
    return this.below(2 ** 32)
  }
}
