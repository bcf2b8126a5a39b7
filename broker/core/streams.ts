/**
 * Streams: gives chunks their sequence, and publishes what is durable to those who subscribed. Owns the
 * topics and the numbers of each stream; the chunks themselves are in the journal.
 */
import { bundlesOf, type Message } from '../../protocol/bundle.ts'
import { EMPTY, encode } from '../../protocol/codec.ts'
import type { ProtocolError } from '../../protocol/errors.ts'
import { newToken, type RandomBytes } from '../../protocol/ids.ts'
import { CHUNK_CODES, type ChunkBody, type ChunkType } from '../../protocol/messages/chunk.ts'
import type { Journal, JournalOperation, StoredChunk } from '../journal/journal.ts'

/** While a stream is idle its subscribers hear its HEAD this often, ms. */
export const HEAD_INTERVAL_MS = 1000

export interface StreamState {
  readonly session: string
  /** First frame of what subscribers get; random, so that nobody can guess it. */
  topic: string
  /** Principals that have been subscribed to this topic; their pipes may be there long after them. */
  readonly heardBy: Set<string>
  /** Last sequence given out; may be ahead of the disk. */
  sequence: number
  /** Last sequence on disk. */
  durable: number
  /** Last producer sequence taken from the host in the current epoch. */
  producer: number
  /** The same, on disk. */
  producerDurable: number
  subscribers: number
  /** When something was last published, monotonic ms. */
  publishedAt: number
}

export interface NewChunk {
  readonly type: number
  readonly turn: number
  readonly body: Buffer
}

export interface StreamsPorts {
  readonly journal: Pick<Journal, 'head'>
  readonly random: RandomBytes
  readonly publish: (topic: string, messages: readonly Message[]) => void
  /** Chunks are on disk, and before anybody reads them. */
  readonly durable: (session: string, chunks: readonly StoredChunk[]) => void
}

export class Streams {
  readonly #journal: Pick<Journal, 'head'>
  readonly #random: RandomBytes
  readonly #publish: (topic: string, messages: readonly Message[]) => void
  readonly #durable: (session: string, chunks: readonly StoredChunk[]) => void
  readonly #states = new Map<string, StreamState>()

  constructor({ journal, random, publish, durable }: StreamsPorts) {
    this.#journal = journal
    this.#random = random
    this.#publish = publish
    this.#durable = durable
  }

  of(session: string): StreamState {
    let state = this.#states.get(session)
    if (!state) {
      const { sequence, producerSequence } = this.#journal.head(session)
      state = {
        session,
        topic: newToken(this.#random),
        heardBy: new Set(),
        sequence,
        durable: sequence,
        producer: producerSequence,
        producerDurable: producerSequence,
        subscribers: 0,
        publishedAt: 0,
      }
      this.#states.set(session, state)
    }
    return state
  }

  /** Streams that this principal has been subscribed to. */
  heardBy(principal: string): StreamState[] {
    return [...this.#states.values()].filter((state) => state.heardBy.has(principal))
  }

  /** From now on nothing more comes on the topic of before, whoever is still subscribed to it. */
  move(state: StreamState): void {
    state.topic = newToken(this.#random)
    state.heardBy.clear()
  }

  /** Streams that are in memory. */
  get size(): number {
    return this.#states.size
  }

  /** Highest sequence on disk; keeps nothing of a session that nobody uses. */
  durableOf(session: string): number {
    return this.#states.get(session)?.durable ?? this.#journal.head(session).sequence
  }

  /** Whether all that was numbered is on disk, so that nothing of the session can fall back. */
  isSettled(session: string): boolean {
    const { sequence, durable } = this.of(session)
    return sequence === durable
  }

  /** Falls back to what is on disk, after a write has failed. */
  rewind(session: string): void {
    const state = this.#states.get(session)
    if (!state) return
    const { sequence, producerSequence } = this.#journal.head(session)
    state.sequence = sequence
    state.durable = sequence
    state.producer = producerSequence
    state.producerDurable = producerSequence
  }

  /** A session that never was. */
  forget(session: string): void {
    if (this.#states.get(session)?.subscribers === 0) this.#states.delete(session)
  }

  /** A new epoch: the host begins to count anew. */
  startEpoch(session: string): void {
    const state = this.of(session)
    state.producer = 0
    state.producerDurable = 0
  }

  /** Gives a chunk its sequence; it becomes visible only through `published`. */
  number(session: string, chunk: NewChunk, wallMs: number): StoredChunk {
    const state = this.of(session)
    state.sequence += 1
    return {
      sequence: state.sequence,
      producerSequence: state.producer,
      time: wallMs,
      turn: chunk.turn,
      type: chunk.type,
      body: chunk.body,
    }
  }

  /** Chunks are on disk: readers may see them. */
  published(session: string, chunks: readonly StoredChunk[], now: number): void {
    const state = this.#states.get(session)
    const last = chunks[chunks.length - 1]
    if (!state || !last) return
    state.durable = last.sequence
    state.producerDurable = last.producerSequence
    this.#durable(session, chunks)
    if (state.subscribers === 0) return
    state.publishedAt = now
    // What a host sent as one full bundle, and the ends of turns that came with it, are more than one.
    for (const bundle of bundlesOf(chunks.map((chunk) => liveChunk(session, chunk)))) {
      this.#publish(state.topic, bundle)
    }
  }

  /** The stream is gone, and its readers are told why. */
  end(session: string, error: ProtocolError): void {
    const state = this.#states.get(session)
    this.#states.delete(session)
    if (!state || state.subscribers === 0) return
    const body = encode(error.toWire())
    this.#publish(state.topic, [{ head: { kind: 'ERROR', id: '' }, body }])
  }

  publishHead(state: StreamState, now: number): void {
    state.publishedAt = now
    this.#publish(state.topic, [
      { head: { kind: 'HEAD', session: state.session, sequence: state.durable }, body: EMPTY },
    ])
  }

  /** HEAD for every stream that has readers and was silent for a while. */
  tick(now: number): void {
    for (const state of this.#states.values()) {
      if (state.subscribers > 0 && now - state.publishedAt >= HEAD_INTERVAL_MS) {
        this.publishHead(state, now)
      }
    }
  }
}

function liveChunk(session: string, chunk: StoredChunk): Message {
  const { sequence, time, turn, type, body } = chunk
  return { head: { kind: 'CHUNK', session, sequence, time, turn, type }, body }
}

export function newChunk<T extends ChunkType>(type: T, turn: number, body: ChunkBody<T>): NewChunk {
  return { type: CHUNK_CODES[type], turn, body: encode(body) }
}

export function appendOperation(session: string, chunk: StoredChunk): JournalOperation {
  return { op: 'append', session, chunk }
}
