/**
 * How much of a stream of the broker is kept, in events and in bytes, and what of it is to go. Events are
 * counted as they become durable; those of before a restart are read for it, a step in each tick.
 */
import type { Journal, JournalOperation, ReadResult, StoredChunk } from '../journal/journal.ts'
import { chunkBytes, STEP_BYTES, STEP_COUNT } from './retention.ts'

export interface KeptLimits {
  /** Events that are kept; an eighth more may be, so that not each one is a trim. */
  readonly maxCount: number
  /** Bytes that they may take, with what the journal needs around each; beyond it the oldest go. */
  readonly maxBytes: number
}

export interface EventsKeptPorts {
  readonly journal: Pick<Journal, 'read'>
  readonly limits: KeptLimits
  /** The stream. */
  readonly stream: string
  /** Highest sequence on disk. */
  readonly durable: () => number
  readonly free: (
    operations: readonly JournalOperation[],
    settled: (error: Error | undefined) => void,
  ) => void
}

export class EventsKept {
  readonly #ports: EventsKeptPorts
  /** First event that is kept; undefined until it was looked for. */
  #first: number | undefined
  /** Last event that is counted in `#bytes`. */
  #through = 0
  #bytes = 0
  #isTrimming = false

  constructor(ports: EventsKeptPorts) {
    this.#ports = ports
  }

  get count(): number {
    return Math.max(0, this.#ports.durable() - this.#findFirst() + 1)
  }

  /** As far as they are counted. */
  get bytes(): number {
    return this.#bytes
  }

  /** Events became durable. */
  added(chunks: readonly StoredChunk[]): void {
    for (const chunk of chunks) {
      if (chunk.sequence === this.#through + 1) this.#count(chunk)
    }
  }

  tick(): void {
    const first = this.#findFirst()
    if (this.#through < this.#ports.durable()) this.#countMore()
    if (this.#isTooMuch() && !this.#isTrimming) this.#trim(first)
  }

  #isTooMuch(): boolean {
    const { maxCount, maxBytes } = this.#ports.limits
    const over = this.count - maxCount
    return (over > 0 && over >= maxCount / 8) || this.#bytes > maxBytes
  }

  #count(chunk: StoredChunk): void {
    this.#through = chunk.sequence
    this.#bytes += chunkBytes(chunk)
  }

  #countMore(): void {
    const { chunks, next } = this.#read(this.#through + 1, this.#ports.durable())
    for (const chunk of chunks) this.#count(chunk)
    this.#through = next - 1 // what cannot be read counts nothing
  }

  /** Lets a step of the oldest go; the last event stays, because it holds the head. */
  #trim(first: number): void {
    const { stream, durable, free } = this.#ports
    const page = this.#read(first, durable() - 1)
    const { before, bytes } = this.#cut(page)
    if (before <= first) return
    const isExact = before <= this.#through + 1 && page.gaps.every(({ from }) => from >= before)
    this.#isTrimming = true
    free([{ op: 'trim', session: stream, before }], (error) => {
      this.#isTrimming = false
      if (error) return
      this.#first = before
      if (isExact) this.#bytes -= bytes
      else this.#recount(before)
    })
  }

  /** The first that stays, and what those before it take. */
  #cut({ chunks, next }: ReadResult): { readonly before: number; readonly bytes: number } {
    const { limits, durable } = this.#ports
    const byCount = durable() - limits.maxCount + 1
    const isOver = this.#bytes > limits.maxBytes
    const excess = isOver ? this.#bytes - (limits.maxBytes * 7) / 8 : 0
    let bytes = 0
    for (const chunk of chunks) {
      if (chunk.sequence >= byCount && bytes >= excess) return { before: chunk.sequence, bytes }
      bytes += chunkBytes(chunk)
    }
    return { before: next, bytes }
  }

  #recount(first: number): void {
    this.#through = first - 1
    this.#bytes = 0
  }

  #findFirst(): number {
    if (this.#first !== undefined) return this.#first
    const to = this.#ports.durable()
    if (to === 0) return 1
    const { gaps } = this.#ports.journal.read(this.#ports.stream, {
      ...{ from: 1, to, maxCount: 1, maxBytes: 1 },
    })
    const gone = gaps.findLast(({ reason }) => reason === 'retention')
    this.#first = (gone?.to ?? 0) + 1
    this.#recount(this.#first)
    return this.#first
  }

  #read(from: number, to: number): ReadResult {
    const range = { from, to, maxCount: STEP_COUNT, maxBytes: STEP_BYTES }
    return this.#ports.journal.read(this.#ports.stream, range)
  }
}
