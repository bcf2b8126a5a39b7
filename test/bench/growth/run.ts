/** Runs a growth from its first point to its last. */
import type { Bench } from '../measures/measure.ts'
import type { Peers } from '../peers.ts'
import { type GrowthResult, growthResult } from '../report/growth-result.ts'
import { figure } from '../report/numbers.ts'
import { inTime, isEnding, onStage, sharedOn } from '../run.ts'
import type { StageOptions } from '../stage/stage.ts'
import type { Climb, Growth, Point } from './growth.ts'

/** A growth that takes longer has failed, ms. */
const PATIENCE_MS = 900_000

export interface GrowthOptions extends StageOptions {
  readonly isQuick: boolean
  readonly peers: Peers
  readonly say: (line: string) => void
}

/** What was measured before one of its points failed is kept, and nothing is said of it. */
export async function runGrowth(growth: Growth, options: GrowthOptions): Promise<GrowthResult> {
  const { isQuick, say } = options
  const points: Point[] = []
  say(`\n${growth.name}: ${growth.title}`)
  const climb: Climb = {
    isQuick,
    points: isQuick ? growth.quickPoints : growth.points,
    onStage: (work) => onGrowthStage(options, work),
    tell: (x, figures) => {
      points.push({ x, figures })
      say(pointText(growth, { x, figures }))
    },
  }
  try {
    await inTime(growth.run(climb), PATIENCE_MS)
    return growthResult(growth, points, '')
  } catch (thrown) {
    if (isEnding()) throw thrown
    const reason = thrown instanceof Error ? thrown : new Error(String(thrown))
    say(`${growth.name} failed: ${reason.stack}`)
    process.exitCode = 1
    return growthResult(growth, points, `failed: ${reason.message.split('\n', 1)[0]}`)
  }
}

function onGrowthStage<T>(options: GrowthOptions, work: (bench: Bench) => Promise<T>): Promise<T> {
  return onStage(options, (stage) => {
    const { isQuick, peers } = options
    const bench = { isQuick, peers, stage, shared: sharedOn(stage) }
    return Promise.race([work(bench), stage.failed])
  })
}

function pointText({ x: what, panels }: Growth, { x, figures }: Point): string {
  const units = new Map(
    panels.flatMap(({ unit, figures: names }) => names.map((name) => [name, unit])),
  )
  const all = Object.entries(figures).map(([name, value]) =>
    `${name} ${figure(value)} ${units.get(name) ?? ''}`.trimEnd(),
  )
  return `  ${figure(x)} ${what}: ${all.join(', ')}`
}
