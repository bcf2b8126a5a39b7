/** The one timer of a client, which also measures how late the event loop runs. */
import { LoopLag } from '../../protocol/link/health.ts'

export interface Ticker {
  /** Recent worst delay of the event loop, ms. */
  readonly lagMs: number
  stop(): void
}

/** Calls `onTick` every `periodMs`; does not keep the process alive. */
export function startTicker(
  periodMs: number,
  now: () => number,
  onTick: (now: number) => void,
): Ticker {
  const lag = new LoopLag(now())
  let dueAt = now() + periodMs
  const timer = setInterval(() => {
    const at = now()
    lag.ran(dueAt, at)
    dueAt = at + periodMs
    onTick(at)
  }, periodMs)
  timer.unref()
  return {
    get lagMs() {
      return lag.worstMs
    },
    stop: () => clearInterval(timer),
  }
}
