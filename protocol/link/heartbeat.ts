/** Liveness of the other side of one connection; pure, the clock is passed in. */

export interface HeartbeatTimes {
  /** A PING is due this often, ms. */
  readonly heartbeatMs: number
  /** The other side is lost after this much silence, ms. */
  readonly livenessMs: number
}

export const HEARTBEAT: HeartbeatTimes = {
  heartbeatMs: 1000,
  livenessMs: 6000, // six missed beats: a garbage collection or a busy disk is no death
}

export class Heartbeat {
  readonly times: HeartbeatTimes
  #heardAt: number
  #pingDueAt: number
  #pings = 0
  #tickedAt: number

  constructor(times: HeartbeatTimes, now: number) {
    this.times = times
    this.#heardAt = now
    this.#pingDueAt = now + times.heartbeatMs
    this.#tickedAt = now
  }

  /** Anything arrived. */
  heard(now: number): void {
    this.#heardAt = now
  }

  silentMs(now: number): number {
    return Math.max(0, now - this.#heardAt)
  }

  /** `lost` after too much silence; a number = the id of the PING that is due. */
  tick(now: number): 'lost' | number | undefined {
    this.#forgive(now)
    if (this.silentMs(now) >= this.times.livenessMs) return 'lost'
    if (now < this.#pingDueAt) return undefined
    this.#pingDueAt = now + this.times.heartbeatMs
    this.#pings += 1
    return this.#pings
  }

  /**
   * Who stood still has heard nobody: a stopped process, a frozen machine or a busy loop must not take the other
   * side for dead before it has read what waits. So the time between two ticks counts as one beat at most.
   */
  #forgive(now: number): void {
    const stoodStillMs = now - this.#tickedAt - this.times.heartbeatMs
    this.#tickedAt = now
    if (stoodStillMs > 0) this.#heardAt = Math.min(now, this.#heardAt + stoodStillMs)
  }
}
