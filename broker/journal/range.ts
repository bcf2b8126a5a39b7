/**
 * Turns the stored records of a range into what a reader is told: chunks, the gaps between them, and
 * where to go on. Does not know where the records come from.
 */
import type { Gap, ReadRange, ReadResult, StoredChunk } from './journal.ts'

export interface Sequenced {
  readonly sequence: number
}

export interface RangeSource<R extends Sequenced = StoredRecord> {
  /** Highest durable sequence; nothing above it is given. */
  readonly head: number
  /** Lowest stored sequence; asked for only when something is missing. */
  first(): number
  /** Stored records from..to in order, damaged ones as well. */
  records(from: number, to: number): Iterable<R>
}

export interface StoredRecord extends Sequenced {
  /** Undefined when the record is damaged. */
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
function missing(source: Pick<RangeSource, 'first'>, from: number, to: number): Gap {
  return { from, to, reason: to < source.first() ? 'retention' : 'corrupt' }
}

/** What becomes of the records of a range. */
export interface RangeSink<R> {
  /** Bytes of the body; undefined when the record is damaged. */
  sizeOf(record: R): number | undefined
  /** Called for each that is intact and within the limits. The record may be void after it. */
  take(record: R): void
}

/**
 * Damaged records count against `maxCount` as well, so that one call over a ruined stretch stays
 * short; `next` tells where to go on.
 */
export function walk<R extends Sequenced>(
  source: RangeSource<R>,
  range: ReadRange,
  sink: RangeSink<R>,
): Omit<ReadResult, 'chunks'> {
  const gaps: Gap[] = []
  const to = Math.min(range.to, source.head)
  const maxCount = Math.max(1, range.maxCount)
  let next = Math.max(1, range.from)
  let count = 0
  let taken = 0
  let bytes = 0
  if (next > to) return { gaps, next }
  for (const record of source.records(next, to)) {
    const { sequence } = record
    const size = sink.sizeOf(record)
    const isOver = count >= maxCount || (taken > 0 && bytes + (size ?? 0) > range.maxBytes)
    if (!isOver && size !== undefined) {
      sink.take(record)
      taken += 1
      bytes += size
    }
    if (sequence > next) addGap(gaps, missing(source, next, sequence - 1))
    if (isOver) return { gaps, next: sequence }
    if (size === undefined) addGap(gaps, { from: sequence, to: sequence, reason: 'corrupt' })
    next = sequence + 1
    count += 1
  }
  if (next <= to) addGap(gaps, missing(source, next, to))
  return { gaps, next: to + 1 }
}

/** The chunks themselves. */
export function collect(source: RangeSource, range: ReadRange): ReadResult {
  const chunks: StoredChunk[] = []
  const rest = walk(source, range, {
    sizeOf: ({ chunk }) => chunk?.body.length,
    take: ({ chunk }) => {
      if (chunk) chunks.push(chunk)
    },
  })
  return { chunks, ...rest }
}
