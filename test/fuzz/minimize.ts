/** Cuts a failing case down while it goes on to fail in the same way. */
import { type Case, sizeOf } from './case.ts'

export interface MinimizeOptions {
  /** Whether this case still fails in the same way. */
  readonly fails: (input: Case) => Promise<boolean>
  /** Most cases that are tried. */
  readonly maxTries: number
  /** True when the time for it is over. */
  readonly isOver: () => boolean
}

/** Bytes of a case up to which each is tried as 0. */
const SMALL = 200

export async function minimize(input: Case, options: MinimizeOptions): Promise<Case> {
  const search = new Search(input, options)
  await search.shrink()
  await search.simplify()
  return search.best
}

class Search {
  best: Case
  readonly #options: MinimizeOptions
  #tries = 0

  constructor(input: Case, options: MinimizeOptions) {
    this.best = input
    this.#options = options
  }

  get #isDone(): boolean {
    return this.#tries >= this.#options.maxTries || this.#options.isOver()
  }

  /** Takes the candidate for the best one if it fails as well. */
  async #take(candidate: Case): Promise<boolean> {
    this.#tries += 1
    if (!(await this.#options.fails(candidate))) return false
    this.best = candidate
    return true
  }

  /** Pieces, then bytes of pieces, again and again until nothing more can go. */
  async shrink(): Promise<void> {
    for (let before = Number.POSITIVE_INFINITY; sizeOf(this.best) < before && !this.#isDone; ) {
      before = sizeOf(this.best)
      await this.#cut(
        () => this.best.length,
        (at, width) => this.best.toSpliced(at, width),
      )
      for (let index = 0; index < this.best.length && !this.#isDone; index += 1) {
        await this.#cut(
          () => this.#piece(index).length,
          (at, width) => this.best.with(index, without(this.#piece(index), at, width)),
        )
      }
    }
  }

  #piece(index: number): Buffer {
    return this.best[index] ?? Buffer.alloc(0)
  }

  /** Half of it, a quarter, and so on to single ones. */
  async #cut(length: () => number, shorter: (at: number, width: number) => Case): Promise<void> {
    for (let width = Math.ceil(length() / 2); width >= 1; width = Math.floor(width / 2)) {
      for (let at = 0; at < length() && !this.#isDone; ) {
        if (!(await this.#take(shorter(at, width)))) at += width
      }
    }
  }

  /** Bytes that may be anything become 0, so that those that matter are seen. */
  async simplify(): Promise<void> {
    if (sizeOf(this.best) > SMALL) return
    for (let index = 0; index < this.best.length; index += 1) {
      for (let at = 0; at < this.#piece(index).length && !this.#isDone; at += 1) {
        const bytes = Buffer.from(this.#piece(index))
        if (bytes[at] === 0) continue
        bytes[at] = 0
        await this.#take(this.best.with(index, bytes))
      }
    }
  }
}

function without(bytes: Buffer, at: number, width: number): Buffer {
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + width)])
}
