/**
 * What of a stream is to go, as decisions without effects: sizes and times in, sequences out. Reads and
 * trims nothing; retention-sweep.ts does.
 */
import type { ReadResult, StoredChunk } from '../journal/journal.ts'

const MIB = 1024 * 1024
const DAY_MS = 24 * 60 * 60 * 1000

export interface RetentionPolicy {
  /** A chunk that is older goes, ms; Infinity = never for its age. */
  readonly chunkAgeMs: number
  /** Most bytes that the stream of one session keeps. */
  readonly sessionBytes: number
  /** Most bytes that all streams keep together; beyond it the oldest chunks go, whosever they are. */
  readonly totalBytes: number
  /** A session that has ended goes altogether after this, ms; Infinity = never. */
  readonly endedAgeMs: number
}

export const RETENTION: RetentionPolicy = {
  chunkAgeMs: Number.POSITIVE_INFINITY, // what fits is kept: old conversations are what people look for
  sessionBytes: 1024 * MIB, // millions of chunks; more is a runaway agent
  totalBytes: 16 * 1024 * MIB, // a small part of any disk that coding is done on
  endedAgeMs: 30 * DAY_MS, // time to come back from a holiday and look
}

/** What a chunk takes besides its body, bytes: its key, its header, and its share of half-full pages. */
const CHUNK_OVERHEAD_BYTES = 96

/** Most bytes that are read and let go in one step, so that no step holds the event loop for long. */
export const STEP_BYTES = 2 * MIB
/** Most chunks of one step: 2,000 take about 5 ms to read. */
export const STEP_COUNT = 2000

/** How much of one stream is kept; what the session's record holds of it. */
export interface KeptSize {
  /** First sequence that is kept. */
  readonly first: number
  /** Last sequence that is counted in `bytes`. */
  readonly through: number
  readonly bytes: number
}

/** A stream with what is to be known about it to decide. */
export interface KeptStream extends KeptSize {
  /** Time of its first chunk, ms since 1970; undefined until it was looked at. */
  readonly oldestAt: number | undefined
}

/** What is to go: chunks of before a time, and the oldest ones until some bytes are gone. */
export interface Excess {
  readonly olderThan: number
  readonly bytes: number
}

export function chunkBytes(chunk: StoredChunk): number {
  return CHUNK_OVERHEAD_BYTES + chunk.body.length
}

/** A little more than necessary goes, so that a stream at its limit is not trimmed for each chunk. */
function bytesOver(bytes: number, limit: number): number {
  return bytes > limit ? bytes - limit + Math.min(STEP_BYTES, Math.floor(limit / 8)) : 0
}

/** What of a stream is to go by its own age and size. */
export function excessOf(stream: KeptStream, policy: RetentionPolicy, wallMs: number): Excess {
  return {
    olderThan: wallMs - policy.chunkAgeMs,
    bytes: bytesOver(stream.bytes, policy.sessionBytes),
  }
}

/** What is to go of the stream with the oldest chunk because all streams together are too large. */
export function excessOfAll(totalBytes: number, policy: RetentionPolicy): Excess {
  return { olderThan: Number.NEGATIVE_INFINITY, bytes: bytesOver(totalBytes, policy.totalBytes) }
}

export function isDue({ oldestAt }: KeptStream, excess: Excess): boolean {
  return excess.bytes > 0 || (oldestAt !== undefined && oldestAt < excess.olderThan)
}

export interface Cut {
  /** First sequence that stays. */
  readonly before: number
  readonly bytes: number
}

/** How many of the first chunks of a stream go; none from the sequence `keep` on. */
export function cut({ chunks, next }: ReadResult, excess: Excess, keep: number): Cut {
  let bytes = 0
  for (const chunk of chunks) {
    const goes = chunk.time < excess.olderThan || bytes < excess.bytes
    if (!goes || chunk.sequence >= keep) return { before: chunk.sequence, bytes }
    bytes += chunkBytes(chunk)
  }
  return { before: Math.min(next, keep), bytes }
}
