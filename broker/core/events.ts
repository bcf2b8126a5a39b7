/**
 * Streams of the broker itself: their ids begin with `@`, and they belong to no session. What happened is
 * written together with the change that it tells. An event gets its sequence when its group of operations
 * goes to the journal, not before: writers of many sessions share these streams, and only there is their
 * order known. One group is on its way at a time, so a failed one leaves no number behind. Records of the
 * audit log are numbered here as well, and chained by audit/chain.ts.
 */
import { EMPTY, encode } from '../../protocol/codec.ts'
import { CHUNK_CODES, type ChunkBody } from '../../protocol/messages/chunk.ts'
import { AUDIT_STREAM } from '../../protocol/methods/audit.ts'
import type { Journal, JournalOperation, StoredChunk } from '../journal/journal.ts'
import type { AuditChain } from './audit/chain.ts'
import type { AuditOperation } from './audit/entry.ts'
import type { Clock } from './clock.ts'
import { EventsKept, type EventsKeptPorts } from './events-kept.ts'
import { appendOperation, type Streams } from './streams.ts'

/** All that happens, in one stream. */
export const EVENTS = '@events'
/** Who did what: not for everybody. */
export const AUDIT = AUDIT_STREAM

export type Event = ChunkBody<'event'>

/** An event that is to be written; `stream` begins with `@`. */
export interface EventOperation {
  readonly op: 'event'
  readonly stream: string
  readonly body: Buffer
}

/** What the core wants on disk. */
export type Operation = JournalOperation | EventOperation | AuditOperation

/** Operations as the journal takes them. */
export interface Sealed {
  readonly operations: readonly JournalOperation[]
  /** To be called once they are durable: readers hear of the events. */
  readonly publish: () => void
}

export interface EventsPorts {
  readonly clock: Clock
  readonly streams: Streams
  readonly journal: Pick<Journal, 'read'>
  readonly chain: Pick<AuditChain, 'seal'>
  readonly limits: EventsLimits
  readonly free: EventsKeptPorts['free']
}

export interface EventsLimits {
  /** Events of `@events` that are kept. */
  readonly maxEvents: number
  /** Bytes that they may take. */
  readonly maxEventBytes: number
  /** Records of the audit log that are kept. */
  readonly maxAuditRecords: number
  /** Bytes that they may take. */
  readonly maxAuditBytes: number
}

/** Whether this is the id of a stream of the broker, and not of a session. */
export function isOwnStream(id: string): boolean {
  return id.startsWith('@')
}

/** Whether the journal can hold a stream of this id. */
function isId(stream: string): boolean {
  return /^@[\x21-\x7e]{1,127}$/.test(stream)
}

/** To be written among the operations of the change that it tells; `stream` names another feed. */
export function event(told: Event, stream = EVENTS): EventOperation {
  return { op: 'event', stream, body: encode(told) }
}

export class Events {
  readonly #ports: EventsPorts
  readonly #kept: Readonly<Record<typeof EVENTS | typeof AUDIT, EventsKept>>

  constructor(ports: EventsPorts) {
    this.#ports = ports
    const { maxEvents, maxEventBytes, maxAuditRecords, maxAuditBytes } = ports.limits
    this.#kept = {
      [EVENTS]: keptOf(EVENTS, ports, { maxCount: maxEvents, maxBytes: maxEventBytes }),
      [AUDIT]: keptOf(AUDIT, ports, { maxCount: maxAuditRecords, maxBytes: maxAuditBytes }),
    }
  }

  /** How many events are kept. */
  get kept(): number {
    return this.#kept[EVENTS].count
  }

  /** Bytes that they take, as far as they are counted. */
  get keptBytes(): number {
    return this.#kept[EVENTS].bytes
  }

  /** How many records of the audit log are kept. */
  get keptAudit(): number {
    return this.#kept[AUDIT].count
  }

  /** Bytes that these take, as far as they are counted. */
  get keptAuditBytes(): number {
    return this.#kept[AUDIT].bytes
  }

  /** Whether there is such a stream. */
  has(stream: string): boolean {
    if (stream === EVENTS || stream === AUDIT) return true
    return isId(stream) && this.#ports.streams.durableOf(stream) > 0
  }

  /** Numbers the events among the operations of a group, which goes to the journal now. */
  seal(operations: readonly Operation[]): Sealed {
    const told = new Map<string, StoredChunk[]>()
    const sealed = operations.map((operation) => {
      if (operation.op === 'event') return tell(told, operation.stream, this.#event(operation))
      if (operation.op === 'audit') return tell(told, AUDIT, this.#record(operation))
      return operation
    })
    return { operations: sealed, publish: () => this.#publish(told) }
  }

  #event({ stream, body }: EventOperation): StoredChunk {
    const { streams, clock } = this.#ports
    return streams.number(stream, { type: CHUNK_CODES.event, turn: 0, body }, clock.wall())
  }

  #record({ entry }: AuditOperation): StoredChunk {
    const { streams, clock, chain } = this.#ports
    const empty = { type: CHUNK_CODES.audit, turn: 0, body: EMPTY }
    const chunk = streams.number(AUDIT, empty, Math.round(clock.wall()))
    const { sequence: seq, time } = chunk
    return { ...chunk, body: chain.seal(entry, { seq, time }) }
  }

  #publish(told: ReadonlyMap<string, readonly StoredChunk[]>): void {
    const { streams, clock } = this.#ports
    for (const [stream, chunks] of told) {
      streams.published(stream, chunks, clock.now())
      if (stream === EVENTS || stream === AUDIT) this.#kept[stream].added(chunks)
    }
  }

  tick(): void {
    this.#kept[EVENTS].tick()
    this.#kept[AUDIT].tick()
  }
}

function keptOf(
  stream: string,
  { streams, journal, free }: EventsPorts,
  limits: EventsKeptPorts['limits'],
): EventsKept {
  const durable = (): number => streams.durableOf(stream)
  return new EventsKept({ stream, journal, limits, free, durable })
}

function tell(
  told: Map<string, StoredChunk[]>,
  stream: string,
  chunk: StoredChunk,
): JournalOperation {
  const others = told.get(stream)
  if (others) others.push(chunk)
  else told.set(stream, [chunk])
  return appendOperation(stream, chunk)
}
