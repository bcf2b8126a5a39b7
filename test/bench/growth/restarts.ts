/** How long a broker takes to start on a journal that is there. */
import { median } from '../figures/percentiles.ts'
import type { Climb } from './growth.ts'

const ROUNDS = { full: 3, quick: 1 } as const

/** From the command to the word that it can be used, ms; the pages of the journal are in the cache of the system. */
export async function restartMs(climb: Climb, journal: string): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < (climb.isQuick ? ROUNDS.quick : ROUNDS.full); round += 1) {
    const ms = await climb.onStage(async ({ stage }) => {
      const since = performance.now()
      await stage.part('broker', { flags: ['--journal-dir', journal] })
      return performance.now() - since
    })
    times.push(ms)
  }
  return median(times)
}
