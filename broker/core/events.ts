/**
 * Streams of the broker itself: their ids begin with `@`, and they belong to no session. What happened is
 * written together with the change that it tells. An event gets its sequence when its group of operations
 * goes to the journal, not before: writers of many sessions share these streams, and only there is their
 * order known. One group is on its way at a time, so a failed one leaves no number behind.
 */
import { encode } from '../../protocol/codec.ts'
import { CHUNK_CODES, type ChunkBody } from '../../protocol/messages/chunk.ts'
import type { Journal, JournalOperation, StoredChunk } from '../journal/journal.ts'
import type { Clock } from './clock.ts'
import { EventsKept, type EventsKeptPorts, type EventsLimits } from './events-kept.ts'
import { appendOperation, type Streams } from './streams.ts'

/** All that happens, in one stream. */
export const EVENTS = '@events'

export type Event = ChunkBody<'event'>

/** An event that is to be written; `stream` begins with `@`. */
export interface EventOperation {
  readonly op: 'event'
  readonly stream: string
  readonly body: Buffer
}

/** What the core wants on disk. */
export type Operation = JournalOperation | EventOperation

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
  /** Of `@events`. */
  readonly limits: EventsLimits
  readonly free: EventsKeptPorts['free']
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
  readonly #kept: EventsKept

  constructor(ports: EventsPorts) {
    this.#ports = ports
    const { streams, journal, limits, free } = ports
    const durable = (): number => streams.durableOf(EVENTS)
    this.#kept = new EventsKept({ stream: EVENTS, journal, limits, free, durable })
  }

  /** How many are kept. */
  get kept(): number {
    return this.#kept.count
  }

  /** Bytes that they take, as far as they are counted. */
  get keptBytes(): number {
    return this.#kept.bytes
  }

  /** Whether there is such a stream. */
  has(stream: string): boolean {
    return stream === EVENTS || (isId(stream) && this.#ports.streams.durableOf(stream) > 0)
  }

  /** Numbers the events among the operations of a group, which goes to the journal now. */
  seal(operations: readonly Operation[]): Sealed {
    const told = new Map<string, StoredChunk[]>()
    const sealed = operations.map((operation) =>
      operation.op === 'event' ? this.#number(operation, told) : operation,
    )
    return { operations: sealed, publish: () => this.#publish(told) }
  }

  #number({ stream, body }: EventOperation, told: Map<string, StoredChunk[]>): JournalOperation {
    const { streams, clock } = this.#ports
    const chunk = streams.number(stream, { type: CHUNK_CODES.event, turn: 0, body }, clock.wall())
    const others = told.get(stream)
    if (others) others.push(chunk)
    else told.set(stream, [chunk])
    return appendOperation(stream, chunk)
  }

  #publish(told: ReadonlyMap<string, readonly StoredChunk[]>): void {
    const { streams, clock } = this.#ports
    for (const [stream, chunks] of told) {
      streams.published(stream, chunks, clock.now())
      if (stream === EVENTS) this.#kept.added(chunks)
    }
  }

  tick(): void {
    this.#kept.tick()
  }
}
