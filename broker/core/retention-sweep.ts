/**
 * Carries retention out: knows how much each stream keeps, looks at a few streams in each tick, and trims
 * them. Sizes are counted as chunks become durable and saved with the session's record, so that a restart
 * has to read only what came after the last save. What is to go is decided in retention.ts.
 */
import type { Journal, JournalOperation, ReadResult, StoredChunk } from '../journal/journal.ts'
import {
  type Cut,
  chunkBytes,
  cut,
  type Excess,
  excessOf,
  excessOfAll,
  isDue,
  type KeptSize,
  type RetentionPolicy,
  STEP_BYTES,
  STEP_COUNT,
} from './retention.ts'
import { hasEnded, type SessionRecord } from './sessions.ts'

/** Sessions that one tick looks at; looking costs about a microsecond when nothing is due. */
const SESSIONS_PER_TICK = 256
/** Sessions that one tick may read of, or remove: each is at most a step. */
const STEPS_PER_TICK = 8
/** A size that is off by more than this from the one in the journal is saved, bytes. */
const SAVE_BYTES = 4 * 1024 * 1024

interface Stream {
  first: number
  through: number
  bytes: number
  oldestAt: number | undefined
  /** Bytes counted since the size was last saved by itself. */
  unsaved: number
  isTrimming: boolean
}

export interface RetentionPorts {
  readonly policy: RetentionPolicy
  /** ms since 1970. */
  readonly wall: () => number
  readonly journal: Pick<Journal, 'read'>
  readonly sessions: () => Iterable<SessionRecord>
  /** Highest sequence of a session on disk. */
  readonly durable: (session: string) => number
  /** First sequence of a question that waits for its answer; Infinity when none does. */
  readonly asked: (session: string) => number
  /** Writes what only frees room. */
  readonly free: (
    operations: readonly JournalOperation[],
    settled: (error: Error | undefined) => void,
  ) => void
  readonly save: (record: SessionRecord) => void
  readonly remove: (record: SessionRecord) => void
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void
}

export class RetentionSweep {
  readonly #ports: RetentionPorts
  readonly #streams = new Map<string, Stream>()
  #total = 0
  #round: Iterator<SessionRecord> | undefined
  #steps = 0
  #bytesRead = 0

  constructor(ports: RetentionPorts) {
    this.#ports = ports
  }

  /** Bytes that all streams keep, as far as they are counted. */
  get totalBytes(): number {
    return this.#total
  }

  /** A session that an earlier run has written, with the size that it had saved. */
  restore(session: string, size: KeptSize = { first: 1, through: 0, bytes: 0 }): void {
    const { first, through, bytes } = size
    const rest = { oldestAt: undefined, unsaved: 0, isTrimming: false }
    this.#streams.set(session, { first, through, bytes, ...rest })
    this.#total += bytes
  }

  /** Chunks became durable. */
  added(session: string, chunks: readonly StoredChunk[]): void {
    const stream = this.#of(session)
    for (const chunk of chunks) {
      if (chunk.sequence !== stream.through + 1) return // behind, so it is counted by reading
      if (stream.first === chunk.sequence) stream.oldestAt = chunk.time
      this.#count(stream, chunk.sequence, chunkBytes(chunk))
    }
  }

  /** What the record of a session is to hold. */
  sizeOf(session: string): KeptSize {
    const { first, through, bytes } = this.#of(session)
    return { first, through, bytes }
  }

  /** The session is gone. */
  forget(session: string): void {
    this.#total -= this.#streams.get(session)?.bytes ?? 0
    this.#streams.delete(session)
  }

  tick(): void {
    this.#steps = 0
    this.#bytesRead = 0
    this.#round ??= this.#ports.sessions()[Symbol.iterator]()
    for (let looked = 0; looked < SESSIONS_PER_TICK && this.#mayStep(); looked += 1) {
      const { value: record, done } = this.#round.next()
      if (done === true) {
        this.#round = undefined
        break
      }
      this.#look(record)
    }
    this.#trimOldest()
  }

  #mayStep(): boolean {
    return this.#steps < STEPS_PER_TICK && this.#bytesRead < STEP_BYTES
  }

  #look(record: SessionRecord): void {
    const { policy, wall } = this.#ports
    const wallMs = wall()
    if (hasEnded(record) && wallMs - record.changed_at >= policy.endedAgeMs) {
      this.#steps += 1
      this.#ports.remove(record)
      return
    }
    const stream = this.#of(record.session)
    if (stream.isTrimming) return
    this.#complete(record, stream)
    const excess = excessOf(stream, policy, wallMs)
    if (isDue(stream, excess)) this.#trim(record, stream, excess)
    if (stream.unsaved < SAVE_BYTES) return
    stream.unsaved = 0
    this.#ports.save(record)
  }

  /** Looks at what is not known of a stream: its first chunk, and chunks that are not counted. */
  #complete({ session }: SessionRecord, stream: Stream): void {
    const durable = this.#ports.durable(session)
    if (stream.oldestAt === undefined && durable > 0) this.#findFirst(session, stream, durable)
    if (stream.through >= durable || !this.#mayStep()) return
    const page = this.#read(session, stream.through + 1, durable)
    const bytes = page.chunks.reduce((sum, chunk) => sum + chunkBytes(chunk), 0)
    this.#count(stream, page.next - 1, bytes)
  }

  #findFirst(session: string, stream: Stream, durable: number): void {
    this.#steps += 1
    const range = { from: stream.first, to: durable, maxCount: 1, maxBytes: 1 }
    const { chunks, gaps, next } = this.#ports.journal.read(session, range)
    const gone = gaps.findLast(({ reason }) => reason === 'retention')
    // Trimmed after its size was last saved: how much that was is not known any more.
    if (gone) this.#recount(stream, gone.to + 1)
    stream.oldestAt = chunks[0]?.time
    // Its first chunks are damaged: they are as old as anything.
    if (!chunks[0] && next > stream.first) stream.oldestAt = 0
  }

  #recount(stream: Stream, first: number): void {
    this.#total -= stream.bytes
    Object.assign(stream, { first, through: first - 1, bytes: 0, oldestAt: undefined })
  }

  #count(stream: Stream, through: number, bytes: number): void {
    stream.through = through
    stream.bytes += bytes
    stream.unsaved += bytes
    this.#total += bytes
  }

  #read(session: string, from: number, to: number): ReadResult {
    const range = { from, to, maxCount: STEP_COUNT, maxBytes: STEP_BYTES }
    const page = this.#ports.journal.read(session, range)
    this.#steps += 1
    for (const chunk of page.chunks) this.#bytesRead += chunkBytes(chunk)
    return page
  }

  /** While all streams together are too large, the one with the oldest chunk gives a step. */
  #trimOldest(): void {
    const excess = excessOfAll(this.#total, this.#ports.policy)
    if (excess.bytes === 0 || !this.#mayStep()) return
    let oldest: { record: SessionRecord; stream: Stream } | undefined
    for (const record of this.#ports.sessions()) {
      const stream = this.#streams.get(record.session)
      if (!stream || stream.isTrimming) continue
      if (oldest && (stream.oldestAt ?? 0) >= (oldest.stream.oldestAt ?? 0)) continue
      if (stream.first < this.#keep(record)) oldest = { record, stream }
    }
    if (oldest) this.#trim(oldest.record, oldest.stream, excess)
  }

  /**
   * The first sequence that has to stay: the last chunk, which holds the head, the prompts of turns that
   * their host does not have yet, and questions that wait.
   */
  #keep({ session, open }: SessionRecord): number {
    const missed = open.filter(({ given }) => given !== true).map(({ sequence }) => sequence)
    return Math.min(this.#ports.durable(session), this.#ports.asked(session), ...missed)
  }

  #trim(record: SessionRecord, stream: Stream, excess: Excess): void {
    const { session } = record
    const keep = Math.min(this.#keep(record), stream.through)
    if (stream.first >= keep || !this.#mayStep()) return
    const page = this.#read(session, stream.first, keep)
    const { before, bytes } = cut(page, excess, keep)
    if (before <= stream.first) return
    // Of chunks that cannot be read any more it is not known how much they counted.
    const isExact = !page.gaps.some(({ from }) => from < before)
    stream.isTrimming = true
    this.#ports.free([{ op: 'trim', session, before }], (error) => {
      stream.isTrimming = false
      if (error || this.#streams.get(session) !== stream) return
      if (isExact) this.#trimmed(stream, { before, bytes })
      else this.#recount(stream, before)
      this.#ports.log('stream trimmed', { session, before, bytes })
    })
  }

  #trimmed(stream: Stream, { before, bytes }: Cut): void {
    this.#total -= bytes
    stream.first = before
    stream.bytes -= bytes
    stream.unsaved += bytes
    stream.oldestAt = undefined
  }

  #of(session: string): Stream {
    const known = this.#streams.get(session)
    if (known) return known
    this.restore(session)
    return this.#of(session)
  }
}
