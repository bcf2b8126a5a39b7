/**
 * Merges the live feed of a stream with pages of its journal into 1, 2, 3 … without a hole or a
 * repetition (design 3.4). Pure: chunks, heads and pages in, items and wanted ranges out.
 */
import type { RawChunk } from '../../protocol/messages/chunk-decoding.ts'
import { SDK_LIMITS } from './limits.ts'

export type { RawChunk }

/** Sequences that nobody can serve any more. */
export interface Gap {
  readonly type: 'gap'
  readonly from: number
  readonly to: number
  readonly reason: string
}

export interface Range {
  readonly from: number
  readonly to: number
}

export interface Page {
  readonly chunks: readonly RawChunk[]
  readonly gaps: readonly Omit<Gap, 'type'>[]
  /** The page covers everything below this. */
  readonly next: number
  /** Highest sequence in the journal when the page was read. */
  readonly head: number
}

export interface ReaderLimits {
  /** Live chunks kept. */
  readonly liveChunks: number
  /** Their body bytes. */
  readonly liveBytes: number
}

export class Reader {
  readonly #limits: ReaderLimits
  readonly #live = new Map<number, RawChunk>()
  #liveBytes = 0
  #next: number
  #head = 0
  #page: Page | undefined
  #index = 0

  constructor(from: number, limits: ReaderLimits = SDK_LIMITS) {
    this.#next = from
    this.#limits = limits
  }

  /** The sequence that comes out next. */
  get next(): number {
    return this.#next
  }

  /** Live chunks that wait. */
  get buffered(): { readonly count: number; readonly bytes: number } {
    return { count: this.#live.size, bytes: this.#liveBytes }
  }

  /** A chunk came live. Over the limit it is let go: the journal has it. */
  chunk(chunk: RawChunk): void {
    this.head(chunk.seq)
    if (chunk.seq < this.#next || this.#live.has(chunk.seq)) return
    const bytes = this.#liveBytes + chunk.body.length
    // The oldest are kept, because they are wanted first.
    if (this.#live.size >= this.#limits.liveChunks || bytes > this.#limits.liveBytes) return
    this.#live.set(chunk.seq, chunk)
    this.#liveBytes = bytes
  }

  /** The stream is known to reach this far. */
  head(seq: number): void {
    this.#head = Math.max(this.#head, seq)
  }

  /** The range to read from the journal before anything more can come out; undefined = wait. */
  need(): Range | undefined {
    if (this.#page || this.#head < this.#next || this.#live.has(this.#next)) return undefined
    return { from: this.#next, to: Math.min(this.#head, this.#firstLive() - 1) }
  }

  /** The range to read after the page in hand, so that it can be fetched while that is handed out. */
  ahead(): Range | undefined {
    if (!this.#page) return undefined
    const { next: from } = this.#page
    const to = Math.min(this.#head, this.#firstLive() - 1)
    return from <= to ? { from, to } : undefined
  }

  /** A wanted range was read. False when it brought nothing, so that the caller waits a little. */
  page(page: Page): boolean {
    const next = Math.max(page.next, (page.chunks.at(-1)?.seq ?? 0) + 1)
    if (next <= this.#next) {
      // The journal knows better than whoever told of a higher head.
      this.#head = Math.max(this.#next - 1, page.head)
      return false
    }
    this.#page = { ...page, next }
    this.#index = 0
    this.head(page.head)
    return true
  }

  /** The next item; undefined when one must be read or waited for. */
  take(): RawChunk | Gap | undefined {
    const live = this.#live.get(this.#next)
    if (live) return this.#takeLive(live)
    return this.#page && this.#takePage(this.#page)
  }

  #takeLive(chunk: RawChunk): RawChunk {
    this.#live.delete(chunk.seq)
    this.#liveBytes -= chunk.body.length
    this.#next = chunk.seq + 1
    return chunk
  }

  #takePage(page: Page): RawChunk | Gap | undefined {
    let chunk = page.chunks[this.#index]
    while (chunk && chunk.seq < this.#next) {
      this.#index += 1
      chunk = page.chunks[this.#index]
    }
    if (chunk && chunk.seq === this.#next) {
      this.#next += 1
      return chunk
    }
    const end = chunk?.seq ?? page.next
    if (end > this.#next) return this.#takeGap(page.gaps, end - 1)
    this.#page = undefined
    return undefined
  }

  /** Nothing came from the next sequence up to `to`; the page may say why. */
  #takeGap(gaps: Page['gaps'], to: number): Gap {
    const here = gaps.find((gap) => gap.from <= this.#next && gap.to >= this.#next)
    if (here) return this.#gap(Math.min(here.to, to), here.reason)
    const later = gaps.filter((gap) => gap.from > this.#next).map((gap) => gap.from - 1)
    return this.#gap(Math.min(to, ...later), 'missing')
  }

  /** What came live is delivered even when the journal has lost it. */
  #gap(to: number, reason: string): Gap {
    const gap: Gap = {
      type: 'gap',
      from: this.#next,
      to: Math.min(to, this.#firstLive() - 1),
      reason,
    }
    this.#next = gap.to + 1
    return gap
  }

  #firstLive(): number {
    let first = Number.POSITIVE_INFINITY
    for (const seq of this.#live.keys()) first = Math.min(first, seq)
    return first
  }
}
