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

export interface Flow {
  readonly session: string
  readonly epoch: number
  readonly log: ChunkLog
}

interface Watched extends Flow {
  /** When something was last sent or acknowledged, monotonic ms. */
  movedAt: number
}

export class Outflow {
  readonly #send: (head: Head, body: Buffer) => boolean
  readonly #flows = new Map<string, Watched>()
  #credit = 0
  #isOpen = false

  /** `send` is false when there is no connection. */
  constructor(send: (head: Head, body: Buffer) => boolean) {
    this.#send = send
  }

  get credit(): number {
    return this.#credit
  }

  add(flow: Flow): void {
    this.#flows.set(flow.session, { ...flow, movedAt: 0 })
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

  /** The broker has everything up to this number; what follows is sent again. */
  rewind(session: string, acknowledged: number, now: number): void {
    const flow = this.#flows.get(session)
    flow?.log.rewind(acknowledged)
    if (flow) flow.movedAt = now
  }

  /** Sends what can be sent now. */
  pump(now: number): void {
    let isBusy = this.#isOpen
    while (isBusy && this.#credit > 0) {
      isBusy = false
      for (const flow of this.#flows.values()) {
        if (this.#slice(flow, now) === SLICE) isBusy = true
      }
    }
  }

  #slice(flow: Watched, now: number): number {
    let count = 0
    while (count < SLICE && this.#credit > 0) {
      const chunk = flow.log.take()
      if (!chunk) break
      const { session, epoch } = flow
      const { sequence, turn, type, body } = chunk
      this.#send({ kind: 'APPEND', session, epoch, sequence, turn, type }, body)
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
