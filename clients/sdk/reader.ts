/**
 * Merges the live feed of a stream with pages of its journal into 1, 2, 3 … without a hole or a
 * repetition (design 3.4). Pure: chunks, heads and pages in, items and wanted ranges out.
 */
import { SDK_LIMITS } from './limits.ts'

/** A chunk whose body has not been decoded yet. */
export interface RawChunk {
  readonly seq: number
  readonly time: number
  readonly turn: number
  readonly code: number
  readonly body: Uint8Array
}

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

type Entry = Range & ({ readonly chunk: RawChunk } | { readonly reason: string })

export class Reader {
  readonly #limits: ReaderLimits
  readonly #live = new Map<number, RawChunk>()
  #liveBytes = 0
  #next: number
  #head = 0
  #page: { readonly entries: readonly Entry[]; readonly next: number } | undefined
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

  /** A wanted range was read. False when it brought nothing, so that the caller waits a little. */
  page(page: Page): boolean {
    const entries: Entry[] = [
      ...page.chunks.map((chunk) => ({ from: chunk.seq, to: chunk.seq, chunk })),
      ...page.gaps,
    ]
    entries.sort((a, b) => a.from - b.from)
    const last = entries.at(-1)
    const next = Math.max(page.next, last ? last.to + 1 : 0)
    if (next <= this.#next) {
      // The journal knows better than whoever told of a higher head.
      this.#head = Math.max(this.#next - 1, page.head)
      return false
    }
    this.#page = { entries, next }
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

  #takePage(page: { readonly entries: readonly Entry[]; readonly next: number }) {
    let entry = page.entries[this.#index]
    while (entry && entry.to < this.#next) {
      this.#index += 1
      entry = page.entries[this.#index]
    }
    if (entry && entry.from > this.#next) return this.#gap(entry.from - 1, 'missing')
    if (!entry) {
      this.#page = undefined
      return page.next > this.#next ? this.#gap(page.next - 1, 'missing') : undefined
    }
    if ('reason' in entry) return this.#gap(entry.to, entry.reason)
    this.#next = entry.to + 1
    return entry.chunk
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
