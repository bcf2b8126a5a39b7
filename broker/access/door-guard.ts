/**
 * When the door for other machines has to be shut, because what comes through it would take from the users of
 * this machine what libzmq bounds for nobody: open files, and memory. Pure: told the load and the time, it
 * says what to do.
 */

export interface GuardLimits {
  /** Open files of the process; beyond it the door listens no more until some are closed. */
  readonly maxOpenFiles: number
  /**
   * By how much the memory outside of JavaScript may grow; beyond it all connections of the door end. What is
   * freed then may stay with the process, so it may come to three times as much; then nobody is let in.
   */
  readonly maxNativeBytes: number
  /** How long nobody is let in after that; twice as long each time, ms. */
  readonly firstPauseMs: number
  readonly maxPauseMs: number
  /** After this long without need the pauses begin anew, ms. */
  readonly calmMs: number
}

export const GUARD_TIMES = {
  firstPauseMs: 1000,
  maxPauseMs: 60_000,
  calmMs: 10 * 60_000,
} as const

/** Share of the open files below which it listens again. */
const ENOUGH_FREE = 0.8
/** How often over what may be used may be kept, in hope that it is free. */
const MOST_KEPT = 2

export interface Load {
  /** Undefined where nobody tells. */
  readonly openFiles: number | undefined
  readonly nativeBytes: number | undefined
}

/** Why the door does not stand open. */
export type ShutReason = 'open_files' | 'native_memory' | 'subscriptions' | 'frames'

/** What libzmq lets a peer do without end, so that only the end of its connection helps. */
export type Flood = Extract<ShutReason, 'subscriptions' | 'frames'>

export type GuardStep =
  /** Listen no more; connections stay. */
  | { readonly step: 'shut'; readonly reason: ShutReason }
  | { readonly step: 'listen' }
  /** End all connections and give up the sockets. */
  | { readonly step: 'leave'; readonly reason: ShutReason; readonly pauseMs: number }
  | { readonly step: 'return' }

type State =
  | { readonly name: 'open' }
  | { readonly name: 'shut' }
  | { readonly name: 'away'; readonly until: number }

export class DoorGuard {
  readonly #limits: GuardLimits
  #state: State = { name: 'open' }
  /** Memory outside of JavaScript at first. */
  #first: number | undefined
  /** The same, that is not the doing of whoever comes now. */
  #base = 0
  #pauseMs: number
  #leftAt = Number.NEGATIVE_INFINITY
  #flood: Flood | undefined

  constructor(limits: GuardLimits) {
    this.#limits = limits
    this.#pauseMs = limits.firstPauseMs
  }

  get state(): State['name'] {
    return this.#state.name
  }

  /** There is no other way to be rid of whoever does this: at the next look the door is left. */
  flooded(flood: Flood): void {
    if (this.#state.name !== 'away') this.#flood = flood
  }

  look({ openFiles = 0, nativeBytes = 0 }: Load, now: number): GuardStep | undefined {
    if (this.#first === undefined) {
      this.#first = nativeBytes
      this.#base = nativeBytes
    }
    if (this.#state.name === 'away') {
      return now < this.#state.until ? undefined : this.#back(nativeBytes, now)
    }
    if (this.#flood !== undefined) return this.#leave(this.#flood, now)
    if (nativeBytes - this.#base > this.#limits.maxNativeBytes) {
      return this.#leave('native_memory', now)
    }
    if (this.#state.name === 'open' && openFiles > this.#limits.maxOpenFiles) {
      this.#state = { name: 'shut' }
      return { step: 'shut', reason: 'open_files' }
    }
    if (this.#state.name === 'shut' && openFiles <= this.#limits.maxOpenFiles * ENOUGH_FREE) {
      this.#state = { name: 'open' }
      return { step: 'listen' }
    }
    return undefined
  }

  #leave(reason: ShutReason, now: number): GuardStep {
    const { firstPauseMs, maxPauseMs, calmMs } = this.#limits
    if (now - this.#leftAt > calmMs) this.#pauseMs = firstPauseMs
    const pauseMs = this.#pauseMs
    this.#pauseMs = Math.min(maxPauseMs, pauseMs * 2)
    this.#leftAt = now
    this.#flood = undefined
    this.#state = { name: 'away', until: now + pauseMs }
    return { step: 'leave', reason, pauseMs }
  }

  /** What was freed may stay with the process for its next need, so it counts as there from before. */
  #back(nativeBytes: number, now: number): GuardStep | undefined {
    const { maxNativeBytes, maxPauseMs } = this.#limits
    const kept = nativeBytes - (this.#first ?? 0)
    if (kept > maxNativeBytes * MOST_KEPT) {
      this.#state = { name: 'away', until: now + maxPauseMs }
      return undefined
    }
    this.#base = Math.max(this.#base, nativeBytes)
    this.#state = { name: 'open' }
    return { step: 'return' }
  }
}
