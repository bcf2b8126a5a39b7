/** Lines at random times on an idle system, each with the time at which it was written. */
import { setTimeout as delay } from 'node:timers/promises'
import { machineNow } from './clock.ts'
import { chunkText } from './text.ts'

export interface Ticks {
  readonly count: number
  readonly meanMs: number
}

/** Gives [0, 1). */
type Random = () => number

/** Ends early when `isWanted` says so. */
export async function tick(
  { count, meanMs }: Ticks,
  random: Random,
  say: (text: string) => void,
  isWanted: () => boolean = () => true,
): Promise<void> {
  let dueAt = machineNow()
  for (let index = 0; index < count && isWanted(); index += 1) {
    dueAt += -Math.log(1 - random()) * meanMs
    const waitMs = dueAt - machineNow()
    if (waitMs > 0) await delay(waitMs)
    if (isWanted()) say(chunkText(machineNow()))
  }
}
