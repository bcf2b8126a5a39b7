/** Waiting for what sends no event, such as a server that begins to listen. */
import { setTimeout as delay } from 'node:timers/promises'

const LOOK_MS = 5

/** Resolves when the condition holds; it may reject as long as it does not. */
export async function until(condition: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs
  while (!(await condition().catch(() => false))) {
    if (performance.now() > giveUpAt) throw new Error(`still waiting after ${withinMs} ms`)
    await delay(LOOK_MS)
  }
}
