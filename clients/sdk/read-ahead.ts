/**
 * Pages that are fetched while the one before them is handed out. Where the next one ends is known when it has come; a
 * stream that fills pages by their count is likely to go on so, so the one behind it is asked for as well, and
 * the way there and back costs no time. A wrong guess costs one page.
 */
import { SDK_LIMITS } from './limits.ts'
import type { Page, Range } from './reader.ts'

interface Ahead {
  readonly from: number
  /** Undefined when it failed: whoever needs it asks again. */
  readonly page: Promise<Page | undefined>
}

export class ReadAhead {
  readonly #read: (range: Range) => Promise<Page>
  #pages: readonly Ahead[] = []

  constructor(read: (range: Range) => Promise<Page>) {
    this.#read = read
  }

  /** The page from this sequence on, if it was fetched. */
  take(from: number): Promise<Page | undefined> | undefined {
    const found = this.#pages.find((ahead) => ahead.from === from)
    this.#pages = this.#pages.filter((ahead) => ahead !== found)
    return found?.page
  }

  /** Fetches what comes after the page in hand, unless it is on its way. */
  fill(after: Range, inHand: Page): void {
    const size = SDK_LIMITS.pageChunks
    const isFull = inHand.chunks.length === size && inHand.gaps.length === 0
    const ranges = isFull ? [after, { ...after, from: after.from + size }] : [after]
    this.#pages = ranges
      .filter(({ from, to }) => from <= to)
      .map((range) => this.#pages.find(({ from }) => from === range.from) ?? this.#fetch(range))
  }

  #fetch(range: Range): Ahead {
    return { from: range.from, page: this.#read(range).catch(() => undefined) }
  }
}
