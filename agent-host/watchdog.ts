/**
 * Watches the running turn of one session: a CLI that says nothing for too long is told of, then
 * interrupted, then stopped. A CLI that only says that it tries again is quiet too: some do so for
 * ever. What others keep it waiting for is not counted. Pure but for its port.
 */
import type { Timers } from './process/timers.ts'

/** How long it may be quiet before each step, ms; 0 means that the step is never taken. */
export interface QuietTimes {
  readonly tellMs: number
  readonly interruptMs: number
  /** Counts from the interrupt, or from the last sign of life after it. */
  readonly stopMs: number
}

export interface WatchdogPort {
  readonly timers: Timers
  /** Nothing can be expected of the CLI: it waits for an answer, is frozen, or is not read. */
  isExcused(): boolean
  tell(message: string): void
  interrupt(): void
  stop(reason: string): void
}

/** How often one that is excused is looked at again, ms. */
const EXCUSED_MS = 1000

export class Watchdog {
  readonly #times: QuietTimes
  readonly #port: WatchdogPort
  #isRunning = false
  #isTold = false
  #isInterrupted = false
  #aliveAt = 0
  #callOff: (() => void) | undefined

  constructor(times: QuietTimes, port: WatchdogPort) {
    this.#times = times
    this.#port = port
  }

  /** A turn begins. */
  begin(): void {
    this.#isRunning = true
    this.#isInterrupted = false
    this.alive()
  }

  /** The CLI has said something, or was given something to answer to. */
  alive(): void {
    if (!this.#isRunning) return
    this.#aliveAt = this.#port.timers.now()
    // A timer that runs looks at the time by itself, but after `tell` it waits for the interrupt.
    if (this.#callOff !== undefined && !this.#isTold) return
    this.#isTold = false
    this.#arm()
  }

  /** The turn has ended. */
  end(): void {
    this.#isRunning = false
    this.#callOff?.()
    this.#callOff = undefined
  }

  #look(): void {
    this.#callOff = undefined
    if (this.#port.isExcused()) {
      this.#aliveAt = this.#port.timers.now()
      this.#wait(EXCUSED_MS)
      return
    }
    const { tellMs, interruptMs, stopMs } = this.#times
    if (this.#isInterrupted) {
      if (this.#isDue(stopMs)) this.#stop()
    } else if (this.#isDue(interruptMs)) this.#interrupt()
    else if (!this.#isTold && this.#isDue(tellMs)) this.#tell()
    if (this.#isRunning) this.#arm()
  }

  #tell(): void {
    this.#isTold = true
    this.#port.tell(`the agent has said nothing for ${this.#seconds()}`)
  }

  #interrupt(): void {
    this.#port.tell(`the agent has said nothing for ${this.#seconds()}: its turn is interrupted`)
    this.#isInterrupted = true
    this.#aliveAt = this.#port.timers.now()
    this.#port.interrupt()
  }

  #stop(): void {
    const reason = `it did not end its turn, and said nothing for ${this.#seconds()}`
    this.end()
    this.#port.stop(reason)
  }

  #arm(): void {
    const { tellMs, interruptMs, stopMs } = this.#times
    const steps = this.#isInterrupted ? [stopMs] : [interruptMs, this.#isTold ? 0 : tellMs]
    const due = Math.min(...steps.filter((ms) => ms > 0))
    if (Number.isFinite(due)) this.#wait(due - this.#quietMs())
  }

  #wait(ms: number): void {
    this.#callOff?.()
    this.#callOff = this.#port.timers.after(Math.max(1, ms), () => this.#look())
  }

  #isDue(ms: number): boolean {
    return ms > 0 && this.#quietMs() >= ms
  }

  #quietMs(): number {
    return this.#port.timers.now() - this.#aliveAt
  }

  #seconds(): string {
    return `${Math.round(this.#quietMs() / 1000)} s`
  }
}
