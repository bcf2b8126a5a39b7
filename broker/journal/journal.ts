/**
 * The durable log behind the broker, as an interface: chunks by session and sequence, and small
 * records by table and key. Another engine can stand behind it; test/support/journal-contract.ts
 * holds every implementation to the same promises.
 *
 * Promises: operations of one `write` become durable together or not at all; writes become durable in
 * the order they were given; a callback runs only when its write, and every earlier one, would survive
 * `kill -9` and a power cut; reads see exactly what is durable.
 *
 * When a write fails, those given behind it and not yet called back fail as well, so that a lost chunk
 * never leaves a hole: go on from `head`. With STORAGE_FULL, writes that only free room still succeed.
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
export const TABLES = [
  'meta',
  'sessions',
  'idempotency',
  'approvals',
  'workflows',
  'workflow_texts',
  'tasks',
  'state',
  'principals',
] as const
export type Table = (typeof TABLES)[number]

export type JournalOperation =
  | { readonly op: 'append'; readonly session: string; readonly chunk: StoredChunk }
  | { readonly op: 'put'; readonly table: Table; readonly key: string; readonly value: unknown }
  | { readonly op: 'delete'; readonly table: Table; readonly key: string }
  | { readonly op: 'drop'; readonly session: string }
  /**
   * Removes the chunks below the sequence `before`, all at once for readers. The last chunk always
   * stays, because it holds the head.
   */
  | { readonly op: 'trim'; readonly session: string; readonly before: number }

/** `error` is undefined when the write is durable. */
export type Durable = (error: Error | undefined) => void

export interface ReadRange {
  /** First sequence wanted, from 1. */
  readonly from: number
  /** Last sequence wanted, inclusive. */
  readonly to: number
  /** Stop after this many chunks. */
  readonly maxCount: number
  /** Stop before more than this many body bytes are gathered (the first chunk is always given). */
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

/** The same, with the chunks in one piece: an array of PageChunk in MessagePack. */
export interface PageResult extends Omit<ReadResult, 'chunks'> {
  readonly page: Buffer
}

export interface JournalStats {
  /** What live records take, with the overhead of the engine. */
  readonly bytes: number
  readonly commits: number
  readonly operations: number
  /** Failed checksums since the start; a damaged record that is read twice counts twice. */
  readonly corrupt: number
  /** Duration of the last commit, ms. */
  readonly lastCommitMs: number
}

export interface Journal {
  /**
   * Throws INVALID_MESSAGE, and queues nothing, for operations that cannot be stored. Failures of
   * storage go to the callback: STORAGE_FULL or STORAGE_FAILED, and then nothing of it is stored.
   */
  write(operations: readonly JournalOperation[], durable: Durable): void
  /**
   * Highest durable sequence of the session and the producer sequence stored with it; 0 when none. A
   * damaged last chunk keeps its sequence; the producer sequence is then that of the last intact one.
   * Throws INVALID_MESSAGE, as `read` does, for an id that no session can have.
   */
  head(session: string): { readonly sequence: number; readonly producerSequence: number }
  read(session: string, range: ReadRange): ReadResult
  /** What `read` gives, for who sends it on as it is. */
  readPage(session: string, range: ReadRange): PageResult
  /** Undefined when there is none. Throws STORAGE_FAILED for a damaged record: it is not absent. */
  get(table: Table, key: string): unknown
  /** In the order of the keys' bytes. Damaged records are left out and counted in `stats().corrupt`. */
  entries(table: Table): Iterable<{ readonly key: string; readonly value: unknown }>
  /** Keys of the damaged records of a table, as far as they are keys; counts nothing. */
  damaged(table: Table): readonly string[]
  stats(): JournalStats
  /** Waits for what was written, then closes. Idempotent. */
  close(): Promise<void>
}
