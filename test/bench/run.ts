/** Runs a measure: every contestant on a stage of its own, in turn, as often as is wanted. */
import { type Outcome, outcomeOf } from './figures/outcome.ts'
import {
  type Bench,
  type Contestant,
  type Measure,
  NotRun,
  type Sample,
} from './measures/measure.ts'
import type { Peers } from './peers.ts'
import { type MeasureResult, measureResult } from './report/result.ts'
import { Stage, type StageOptions } from './stage/stage.ts'

/** A run of one contestant that takes longer has failed, ms. */
const PATIENCE_MS = 300_000

export interface RunOptions extends StageOptions {
  readonly isQuick: boolean
  readonly repeats: number
  readonly peers: Peers
  /** Which contestants take part. */
  readonly takesPart: (measure: Measure, contestant: Contestant) => boolean
  readonly say: (line: string) => void
}

/** Stages that stand, so that whoever ends the bench can end them. */
const standing = new Set<Stage>()

let isOver = false

export const isEnding = (): boolean => isOver

/** Ends everything that runs; nothing more is begun. */
export async function endStages(): Promise<void> {
  isOver = true
  await Promise.all([...standing].map((stage) => stage.end()))
}

export async function onStage<T>(
  options: StageOptions,
  work: (stage: Stage) => Promise<T>,
): Promise<T> {
  if (isOver) throw new Error('the bench was told to end')
  const stage = new Stage(options)
  standing.add(stage)
  try {
    return await work(stage)
  } finally {
    await stage.end()
    standing.delete(stage)
  }
}

interface Playing {
  readonly contestant: Contestant
  readonly samples: Sample[]
  /** Why it plays no more. */
  out: string | undefined
}

export function runMeasure(measure: Measure, options: RunOptions): Promise<MeasureResult> {
  return onStage({ ...options, profiles: undefined }, async (sharedStage) => {
    const playing = measure.contestants
      .filter((contestant) => options.takesPart(measure, contestant))
      .map((contestant): Playing => ({ contestant, samples: [], out: undefined }))
    const shared = sharedOn(sharedStage)
    for (let repeat = 0; repeat < options.repeats; repeat += 1) {
      for (const one of playing) await playOnce(one, shared, options)
    }
    if (isOver) throw new Error('the bench was told to end')
    return resultOf(measure, playing)
  })
}

async function playOnce(one: Playing, shared: Bench['shared'], options: RunOptions): Promise<void> {
  if (one.out !== undefined || isOver) return
  const { isQuick, peers, say } = options
  try {
    const sample = await onStage(options, (stage) =>
      inTime(Promise.race([one.contestant.run({ isQuick, peers, stage, shared }), stage.failed])),
    )
    one.samples.push(sample)
  } catch (thrown) {
    if (isOver) return
    one.out = thrown instanceof Error ? thrown.message : String(thrown)
    if (!(thrown instanceof NotRun)) {
      one.out = `failed: ${one.out.split('\n', 1)[0]}`
      say(
        `${one.contestant.name} failed: ${thrown instanceof Error ? thrown.stack : String(thrown)}`,
      )
      process.exitCode = 1
    }
  }
}

export function inTime<T>(work: Promise<T>, ms = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took over ${ms} ms`)), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

export function sharedOn(stage: Stage): Bench['shared'] {
  const made = new Map<string, Promise<unknown>>()
  return {
    stage,
    once: <T>(name: string, make: () => Promise<T>) => {
      const known = (made.get(name) as Promise<T> | undefined) ?? make()
      made.set(name, known)
      return known
    },
  }
}

function resultOf(measure: Measure, playing: readonly Playing[]): MeasureResult {
  const outcomes: Record<string, Outcome> = {}
  const notRun: Record<string, string> = {}
  for (const { contestant, samples, out } of playing) {
    if (out !== undefined) notRun[contestant.name] = out
    else outcomes[contestant.name] = outcomeOf(samples)
  }
  return measureResult(measure, outcomes, notRun)
}
