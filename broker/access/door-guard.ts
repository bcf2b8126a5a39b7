/**
 * When the door for other machines has to be shut, because what comes through it would take from the users of
 * this machine what libzmq bounds for nobody: open files, memory, time. All connections of the door end then,
 * because libzmq ends no single one. Pure: told the load and the time, it says what to do.
 */

export interface GuardLimits {
  /** Open files of the process. */
  readonly maxOpenFiles: number
  /**
   * By how much the memory outside of JavaScript may grow. What is freed when the door is shut may stay with
   * the process, so it may come to three times as much; then nobody is let in any more.
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

/** How often over what may be used may be kept, in hope that it is free. */
const MOST_KEPT = 2

export interface Load {
  /** Undefined where nobody tells. */
  readonly openFiles: number | undefined
  readonly nativeBytes: number | undefined
}

/** What a peer does on purpose, so that only the end of its connection helps. */
export type Flood = 'subscriptions' | 'frames'

export type ShutReason = Flood | 'open_files' | 'native_memory'

export type GuardStep =
  | { readonly step: 'shut'; readonly reason: ShutReason; readonly pauseMs: number }
  | { readonly step: 'open' }

export class DoorGuard {
  readonly #limits: GuardLimits
  /** Until when it is shut, ms; undefined = it is open. */
  #shutUntil: number | undefined
  /** Memory outside of JavaScript at first. */
  #first: number | undefined
  /** The same, that is not the doing of whoever comes now. */
  #base = 0
  #pauseMs: number
  #shutAt = Number.NEGATIVE_INFINITY
  #flood: Flood | undefined

  constructor(limits: GuardLimits) {
    this.#limits = limits
    this.#pauseMs = limits.firstPauseMs
  }

  get isOpen(): boolean {
    return this.#shutUntil === undefined
  }

  /** At the next look the door is shut. */
  flooded(flood: Flood): void {
    if (this.isOpen) this.#flood = flood
  }

  look({ openFiles = 0, nativeBytes = 0 }: Load, now: number): GuardStep | undefined {
    if (this.#first === undefined) {
      this.#first = nativeBytes
      this.#base = nativeBytes
    }
    if (this.#shutUntil !== undefined) {
      return now < this.#shutUntil ? undefined : this.#open(nativeBytes, now)
    }
    const { maxNativeBytes, maxOpenFiles } = this.#limits
    if (this.#flood !== undefined) return this.#shut(this.#flood, now)
    if (nativeBytes - this.#base > maxNativeBytes) return this.#shut('native_memory', now)
    if (openFiles > maxOpenFiles) return this.#shut('open_files', now)
    return undefined
  }

  #shut(reason: ShutReason, now: number): GuardStep {
    const { firstPauseMs, maxPauseMs, calmMs } = this.#limits
    if (now - this.#shutAt > calmMs) this.#pauseMs = firstPauseMs
    const pauseMs = this.#pauseMs
    this.#pauseMs = Math.min(maxPauseMs, pauseMs * 2)
    this.#shutAt = now
    this.#shutUntil = now + pauseMs
    this.#flood = undefined
    return { step: 'shut', reason, pauseMs }
  }

  /** What was freed may stay with the process for its next need, so it counts as there from before. */
  #open(nativeBytes: number, now: number): GuardStep | undefined {
    const { maxNativeBytes, maxPauseMs } = this.#limits
    const kept = nativeBytes - (this.#first ?? 0)
    if (kept > maxNativeBytes * MOST_KEPT) {
      this.#shutUntil = now + maxPauseMs
      return undefined
    }
    this.#base = Math.max(this.#base, nativeBytes)
    this.#shutUntil = undefined
    return { step: 'open' }
  }
}
