/** What a process uses of the machine. */
import { setTimeout as delay } from 'node:timers/promises'
import { threadSecondsOf } from '../stage/proc.ts'

/** Nothing is looked at before so long has passed, and then for so long, ms. */
const SETTLE_MS = 1000
const LOOK_MS = { full: 3000, quick: 1000 } as const

/** Percent of one core, from now until it is asked; for a process that starts and ends no threads meanwhile. */
export function cpuShare(pid: number): () => number {
  const [before, since] = [threadSecondsOf(pid), performance.now()]
  return () => ((threadSecondsOf(pid) - before) / (performance.now() - since)) * 100_000
}

/** Percent of one core while nothing is asked of it. */
export async function idleCpu(pid: number, isQuick: boolean): Promise<number> {
  await delay(SETTLE_MS)
  const share = cpuShare(pid)
  await delay(isQuick ? LOOK_MS.quick : LOOK_MS.full)
  return share()
}
