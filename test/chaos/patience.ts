/** Waiting for what sends no event, within bounds. */
import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 20

/** Looks again and again until the condition holds; false when the time is over. */
export async function becomesTrue(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
): Promise<boolean> {
  const untilMs = performance.now() + withinMs
  for (;;) {
    if (await condition()) return true
    if (performance.now() > untilMs) return false
    await sleep(LOOK_MS)
  }
}

/** Undefined when the work takes longer; it is not stopped. */
export async function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  const controller = new AbortController()
  const { signal } = controller
  const timeout = sleep(ms, undefined, { signal }).catch(() => undefined)
  try {
    return await Promise.race([work, timeout])
  } finally {
    controller.abort()
  }
}
