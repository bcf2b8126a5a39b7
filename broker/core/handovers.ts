/**
 * Prompts that were on their way to a host when it greeted anew. They stand in the journal and are given to it
 * again as soon as it has registered, so whoever asked hears what came of that, and not that nobody knows.
 */
import { ProtocolError } from '../../protocol/errors.ts'

/** A host that is here registers within moments of its greeting; its callers wait no longer than this, ms. */
const MAX_WAIT_MS = 5000

/** How a prompt was taken, once that is known. */
export type Taken = { readonly ok: true } | { readonly ok: false; readonly error: ProtocolError }

export interface Handover {
  readonly session: string
  readonly turn: number
  /** Of the host, for whoever waits too long. */
  readonly host: string
  /** Whether the turn may still be given under the lease for which it was asked. */
  readonly isDue: () => boolean
  /** Called exactly once. */
  readonly done: (taken: Taken) => void
}

interface Waiting extends Handover {
  /** Monotonic, ms. */
  readonly untilAt: number
}

/** As many as there are calls under way at most, each of which its caller's quota pays for. */
export class Handovers {
  readonly #waiting = new Map<string, Waiting>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Waits until the turn is given again. */
  add(handover: Handover): void {
    const { session, turn } = handover
    this.#waiting.set(keyOf(session, turn), { ...handover, untilAt: this.#now() + MAX_WAIT_MS })
  }

  /** What the host said of this turn; does nothing when nobody waits for it. */
  settle(session: string, turn: number, taken: Taken): void {
    const key = keyOf(session, turn)
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    waiting?.done(taken)
  }

  /** Ends those that come to nothing: their turn has ended, or their host has not come back in time. */
  tick(now: number): void {
    for (const { session, turn, host, isDue, untilAt } of this.#waiting.values()) {
      if (isDue() && now < untilAt) continue
      const error = new ProtocolError('HOST_LOST', { host }, { executed: 'unknown' })
      this.settle(session, turn, { ok: false, error })
    }
  }
}

function keyOf(session: string, turn: number): string {
  return `${session} ${turn}`
}
