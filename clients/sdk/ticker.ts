/** The one timer of a client, which also measures how late the event loop runs. */
import { LoopLag } from '../../protocol/link/health.ts'

export interface Ticker {
  /** Recent worst delay of the event loop, ms. */
  readonly lagMs: number
  stop(): void
}

export interface TickerPorts {
  readonly now: () => number
  /** Calls `run` every so many ms, until the returned function is called. */
  readonly every: (ms: number, run: () => void) => () => void
}

/** Calls `onTick` every `periodMs`. */
export function startTicker(
  periodMs: number,
  { now, every }: TickerPorts,
  onTick: (now: number) => void,
): Ticker {
  const lag = new LoopLag(now())
  let dueAt = now() + periodMs
  const stop = every(periodMs, () => {
    const at = now()
    lag.ran(dueAt, at)
    dueAt = at + periodMs
    onTick(at)
  })
  return {
    get lagMs() {
      return lag.worstMs
    },
    stop,
  }
}
