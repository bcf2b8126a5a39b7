/**
 * Sends the chunks of all sessions to the broker: in turn, within the credit that the broker gave, and
 * again when they are not acknowledged. Pure: the clock is passed in.
 */
import type { Head } from '../protocol/messages/index.ts'
import type { ChunkLog } from './chunk-log.ts'

/** Chunks that are not acknowledged for this long are sent again, ms. */
export const RESEND_MS = 2000
/** Chunks of one session before the next one has its turn. */
const SLICE = 32
/** Chunks of all sessions on their way; more would fill the outbox, and answers would find no room. */
const MAX_IN_FLIGHT = 8192

export interface Flow {
  readonly session: string
  readonly epoch: number
  readonly log: ChunkLog
}

interface Watched extends Flow {
  /** When something was last sent or acknowledged, monotonic ms. */
  movedAt: number
  /** The hole that was last filled, and when. */
  hole: { readonly expected: number; readonly at: number } | undefined
}

export class Outflow {
  readonly #send: (head: Head, body: Buffer) => boolean
  readonly #flows = new Map<string, Watched>()
  #credit = 0
  #isOpen = false

  /** `send` is false when there is no connection, or it has no room. */
  constructor(send: (head: Head, body: Buffer) => boolean) {
    this.#send = send
  }

  get credit(): number {
    return this.#credit
  }

  add(flow: Flow): void {
    this.#flows.set(flow.session, { ...flow, movedAt: 0, hole: undefined })
  }

  remove(session: string): void {
    this.#flows.delete(session)
  }

  /** Registered with a broker that gives this much credit. */
  open(credit: number): void {
    this.#credit = credit
    this.#isOpen = true
  }

  close(): void {
    this.#isOpen = false
  }

  granted(bytes: number): void {
    this.#credit += bytes
  }

  acknowledged(session: string, epoch: number, sequence: number, now: number): void {
    const flow = this.#flows.get(session)
    if (flow?.epoch !== epoch) return
    if (flow.log.acknowledge(sequence)) flow.movedAt = now
  }

  /** The broker has this much on disk; what follows is sent again. */
  resume(session: string, acknowledged: number, now: number): void {
    const flow = this.#flows.get(session)
    if (!flow) return
    flow.log.acknowledge(acknowledged)
    flow.log.rewind(acknowledged)
    flow.movedAt = now
  }

  /** The broker misses a chunk. Every chunk behind it complains as well, and is answered with the first. */
  missed(session: string, expected: number, now: number): void {
    const flow = this.#flows.get(session)
    if (!flow) return
    if (flow.hole?.expected === expected && now - flow.hole.at < RESEND_MS) return
    flow.hole = { expected, at: now }
    flow.log.rewind(expected - 1) // not acknowledged: what came before it need not be on disk
    flow.movedAt = now
  }

  /** Sends what can be sent now. */
  pump(now: number): void {
    if (!this.#isOpen) return
    let room = MAX_IN_FLIGHT
    for (const { log } of this.#flows.values()) room -= log.inFlight
    // Who has sent goes to the end of the line, and a Map that is walked comes round to it again.
    for (const flow of this.#flows.values()) {
      const count = this.#slice(flow, Math.min(SLICE, room), now)
      if (count === 0) continue
      room -= count
      this.#flows.delete(flow.session)
      this.#flows.set(flow.session, flow)
    }
  }

  #slice(flow: Watched, most: number, now: number): number {
    let count = 0
    while (count < most && this.#credit > 0) {
      const chunk = flow.log.take()
      if (!chunk) break
      const { session, epoch } = flow
      const { sequence, turn, type, body } = chunk
      if (!this.#send({ kind: 'APPEND', session, epoch, sequence, turn, type }, body)) {
        flow.log.rewind(sequence - 1)
        break
      }
      this.#credit -= body.length
      flow.movedAt = now
      count += 1
    }
    return count
  }

  tick(now: number): void {
    for (const flow of this.#flows.values()) {
      if (flow.log.hasUnacknowledged && now - flow.movedAt >= RESEND_MS) {
        flow.log.rewind(0)
        flow.movedAt = now
      }
    }
    this.pump(now)
  }
}
