/**
 * The durable log behind the broker, as an interface: chunks by session and sequence, and small
 * records by table and key. Another engine can stand behind it; test/support/journal-contract.ts
 * holds every implementation to the same promises.
 *
 * Promises: operations of one `write` become durable together or not at all; writes become durable in
 * the order they were given; a callback runs only when its write, and every earlier one, would survive
 * `kill -9` and a power cut; reads see exactly what is durable.
 */

/** One stored chunk. The body is opaque bytes here. */
export interface StoredChunk {
  readonly sequence: number
  readonly producerSequence: number
  /** Milliseconds since 1970, the broker's clock. */
  readonly time: number
  readonly turn: number
  /** A number of CHUNK_CODES. */
  readonly type: number
  readonly body: Buffer
}

/** Tables of small records; the key is a string of at most 500 bytes, the value is msgpack. */
export const TABLES = ['meta', 'sessions', 'idempotency'] as const
export type Table = (typeof TABLES)[number]

export type JournalOperation =
  | { readonly op: 'append'; readonly session: string; readonly chunk: StoredChunk }
  | { readonly op: 'put'; readonly table: Table; readonly key: string; readonly value: unknown }
  | { readonly op: 'delete'; readonly table: Table; readonly key: string }
  | { readonly op: 'drop'; readonly session: string }

/** `error` is undefined when the write is durable. */
export type Durable = (error: Error | undefined) => void

export interface ReadRange {
  /** First sequence wanted, from 1. */
  readonly from: number
  /** Last sequence wanted, inclusive. */
  readonly to: number
  /** Stop after this many chunks. */
  readonly maxCount: number
  /** Stop once this many body bytes are gathered (the first chunk is always given). */
  readonly maxBytes: number
}

/** A stretch of sequences that exists but cannot be served. */
export interface Gap {
  readonly from: number
  readonly to: number
  readonly reason: 'corrupt' | 'retention'
}

export interface ReadResult {
  readonly chunks: readonly StoredChunk[]
  readonly gaps: readonly Gap[]
  /** The sequence to go on reading from. */
  readonly next: number
}

export interface JournalStats {
  readonly bytes: number
  readonly commits: number
  readonly operations: number
  /** Records that failed their checksum since the start. */
  readonly corrupt: number
  /** Duration of the last commit, ms. */
  readonly lastCommitMs: number
}

export interface Journal {
  write(operations: readonly JournalOperation[], durable: Durable): void
  /** Highest durable sequence of the session and the producer sequence stored with it; 0 when none. */
  head(session: string): { readonly sequence: number; readonly producerSequence: number }
  read(session: string, range: ReadRange): ReadResult
  get(table: Table, key: string): unknown
  entries(table: Table): Iterable<{ readonly key: string; readonly value: unknown }>
  stats(): JournalStats
  /** Waits for what was written, then closes. Idempotent. */
  close(): Promise<void>
}
