/** The clock of the agent host's process code, passed in so that tests and simulations can move it. */
export interface Timers {
  /** Milliseconds of a clock that never goes back. */
  now(): number
  /** Runs `run` once after `ms` milliseconds; the returned function calls it off. */
  after(ms: number, run: () => void): () => void
}

export const realTimers: Timers = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms` milliseconds. */
export function sleep(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(ms, resolve)
  })
}

/** Whether `event` settles within `ms` milliseconds. No timer is left behind when it does. */
export function happensWithin(
  timers: Timers,
  event: Promise<unknown>,
  ms: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const callOff = timers.after(ms, () => resolve(false))
    const settled = (): void => {
      callOff()
      resolve(true)
    }
    event.then(settled, settled)
  })
}

/** A stretch of time that can be held and let go on; runs `run` once when it has passed. */
export class Countdown {
  readonly #timers: Timers
  readonly #run: () => void
  #leftMs: number
  #running: { readonly sinceMs: number; readonly callOff: () => void } | undefined

  constructor(timers: Timers, ms: number, run: () => void) {
    this.#timers = timers
    this.#leftMs = ms
    this.#run = run
  }

  go(): void {
    if (this.#running !== undefined) return
    const callOff = this.#timers.after(this.#leftMs, this.#run)
    this.#running = { sinceMs: this.#timers.now(), callOff }
  }

  hold(): void {
    if (this.#running === undefined) return
    this.#running.callOff()
    this.#leftMs = Math.max(0, this.#leftMs - (this.#timers.now() - this.#running.sinceMs))
    this.#running = undefined
  }
}
