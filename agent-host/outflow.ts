/**
 * Sends the chunks of all sessions to the broker: in turn, within the credit that the broker gave, and
 * again when they are not acknowledged. Pure: the clock is passed in.
 */
import type { Head } from '../protocol/messages/index.ts'
import type { ChunkLog, Numbered } from './chunk-log.ts'

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
  /** Those with something to send, in the order of their turns: most sessions are silent. */
  readonly #ready = new Set<Watched>()
  /** Of all sessions. */
  #inFlight = 0
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
    this.remove(flow.session)
    const watched: Watched = { ...flow, movedAt: 0, hole: undefined }
    this.#flows.set(flow.session, watched)
    this.#inFlight += flow.log.inFlight
    flow.log.watch(() => this.#ready.add(watched))
    this.#ready.add(watched)
  }

  /** Nothing more of it is sent, whatever its log still holds. */
  remove(session: string): void {
    const flow = this.#flows.get(session)
    if (!flow) return
    this.#inFlight -= flow.log.inFlight
    flow.log.watch(() => {})
    this.#ready.delete(flow)
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
    this.#counted(flow, () => {
      if (flow.log.acknowledge(sequence)) flow.movedAt = now
    })
  }

  /** The broker has this much on disk; what follows is sent again. */
  resume(session: string, acknowledged: number, now: number): void {
    const flow = this.#flows.get(session)
    if (!flow) return
    this.#counted(flow, () => flow.log.acknowledge(acknowledged))
    this.#rewind(flow, acknowledged, now)
  }

  /** The broker misses a chunk. Every chunk behind it complains as well, and is answered with the first. */
  missed(session: string, expected: number, now: number): void {
    const flow = this.#flows.get(session)
    if (!flow) return
    if (flow.hole?.expected === expected && now - flow.hole.at < RESEND_MS) return
    flow.hole = { expected, at: now }
    this.#rewind(flow, expected - 1, now) // not acknowledged: what came before it need not be on disk
  }

  #rewind(flow: Watched, sequence: number, now: number): void {
    this.#counted(flow, () => flow.log.rewind(sequence))
    flow.movedAt = now
    this.#ready.add(flow)
  }

  /** Does what changes how many of its chunks are on their way. */
  #counted({ log }: Watched, change: () => void): void {
    const before = log.inFlight
    change()
    this.#inFlight += log.inFlight - before
  }

  /** Sends what can be sent now. */
  pump(now: number): void {
    if (!this.#isOpen) return
    // Who has sent and has more goes to the end of the line, and a Set that is walked comes round to it again.
    for (const flow of this.#ready) {
      const before = this.#inFlight
      const outcome = this.#slice(flow, now)
      if (outcome === 'done' || this.#inFlight > before) this.#ready.delete(flow)
      if (outcome !== 'done') this.#ready.add(flow)
      if (outcome === 'held up') return
    }
  }

  #slice(flow: Watched, now: number): 'done' | 'has more' | 'held up' {
    for (let count = 0; count < SLICE; count += 1) {
      if (this.#inFlight >= MAX_IN_FLIGHT || this.#credit <= 0) return 'held up'
      const chunk = flow.log.take()
      if (!chunk) return 'done'
      if (!this.#append(flow, chunk)) return 'held up'
      flow.movedAt = now
    }
    return 'has more'
  }

  /** False when the connection did not take it; then it is the next one again. */
  #append({ session, epoch, log }: Watched, { sequence, turn, type, body }: Numbered): boolean {
    if (!this.#send({ kind: 'APPEND', session, epoch, sequence, turn, type }, body)) {
      log.rewind(sequence - 1)
      return false
    }
    this.#inFlight += 1
    this.#credit -= body.length
    return true
  }

  tick(now: number): void {
    for (const flow of this.#flows.values()) {
      const isDue = flow.log.hasUnacknowledged && now - flow.movedAt >= RESEND_MS
      if (isDue) this.#rewind(flow, 0, now)
    }
    this.pump(now)
  }
}
