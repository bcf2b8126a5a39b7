/** Ends processes found by a search, again and again until the search finds nothing. */
import type { ProcessIdentity, ProcessTree } from './process-tree.ts'
import { sleep, type Timers } from './timers.ts'

export const SWEEP_DEFAULTS = {
  termMs: 1000, // ms between SIGTERM and SIGKILL
  killMs: 2000, // ms after SIGKILL for what only the kernel can delay
} as const

/** How often the search is repeated, in ms. */
const POLL_MS = 20

export interface SweepOptions {
  readonly tree: ProcessTree
  readonly timers: Timers
  /** 0 sends SIGKILL at once. */
  readonly termMs: number
  readonly killMs: number
  /** Called anew in each round, because what is being ended may still start something. */
  find(): readonly ProcessIdentity[]
}

export interface SweepReport {
  /** All that was found and signalled, by pid. */
  readonly ended: readonly number[]
  /** What still ran when time was up; empty but for processes that the kernel holds. */
  readonly survivors: readonly number[]
}

/** SIGTERM, a grace, SIGKILL. Resolves as soon as nothing is found any more. Never rejects. */
export async function sweep(options: SweepOptions): Promise<SweepReport> {
  const seen = new Set<number>()
  const left = options.termMs > 0 ? await round('SIGTERM', options, seen) : options.find()
  const survivors = left.length > 0 ? await round('SIGKILL', options, seen) : left
  return { ended: [...seen], survivors: survivors.map(({ pid }) => pid) }
}

type Stage = 'SIGTERM' | 'SIGKILL'

async function round(
  stage: Stage,
  options: SweepOptions,
  seen: Set<number>,
): Promise<readonly ProcessIdentity[]> {
  const { tree, timers } = options
  const untilMs = timers.now() + (stage === 'SIGTERM' ? options.termMs : options.killMs)
  const told = new Set<string>()
  for (;;) {
    const found = options.find()
    for (const one of found) {
      seen.add(one.pid)
      const name = `${one.pid}:${one.startTicks}`
      if (told.has(name)) continue
      told.add(name)
      tree.signal(one, stage)
      // A stopped process would keep SIGTERM for when it goes on.
      if (stage === 'SIGTERM') tree.signal(one, 'SIGCONT')
    }
    if (found.length === 0 || timers.now() >= untilMs) return found
    await sleep(timers, POLL_MS)
  }
}
