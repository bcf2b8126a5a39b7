/**
 * Turns the stored records of a range into what a reader is told: chunks, the gaps between them, and
 * where to go on. Does not know where the records come from.
 */
import type { Gap, ReadRange, ReadResult, StoredChunk } from './journal.ts'

export interface RangeSource {
  /** Highest durable sequence; nothing above it is given. */
  readonly head: number
  /** Lowest stored sequence; asked for only when something is missing. */
  first(): number
  /** Stored records from..to in order; `chunk` is undefined where the record is damaged. */
  records(from: number, to: number): Iterable<StoredRecord>
}

export interface StoredRecord {
  readonly sequence: number
  readonly chunk: StoredChunk | undefined
}

function addGap(gaps: Gap[], gap: Gap): void {
  const last = gaps.at(-1)
  if (last && last.reason === gap.reason && last.to + 1 === gap.from) {
    gaps[gaps.length - 1] = { from: last.from, to: gap.to, reason: gap.reason }
  } else {
    gaps.push(gap)
  }
}

/** Below the first record, retention took it; a hole further on is damage. */
function missing(source: RangeSource, from: number, to: number): Gap {
  return { from, to, reason: to < source.first() ? 'retention' : 'corrupt' }
}

/**
 * Damaged records count against `maxCount` as well, so that one call over a ruined stretch stays
 * short; `next` tells where to go on.
 */
export function collect(source: RangeSource, range: ReadRange): ReadResult {
  const chunks: StoredChunk[] = []
  const gaps: Gap[] = []
  const to = Math.min(range.to, source.head)
  const maxCount = Math.max(1, range.maxCount)
  let next = Math.max(1, range.from)
  let count = 0
  let bytes = 0
  if (next > to) return { chunks, gaps, next }
  for (const { sequence, chunk } of source.records(next, to)) {
    if (sequence > next) addGap(gaps, missing(source, next, sequence - 1))
    next = sequence
    const size = chunk?.body.length ?? 0
    if (count >= maxCount || (chunks.length > 0 && bytes + size > range.maxBytes)) {
      return { chunks, gaps, next }
    }
    if (chunk) chunks.push(chunk)
    else addGap(gaps, { from: sequence, to: sequence, reason: 'corrupt' })
    next = sequence + 1
    count += 1
    bytes += size
  }
  if (next <= to) addGap(gaps, missing(source, next, to))
  return { chunks, gaps, next: to + 1 }
}
