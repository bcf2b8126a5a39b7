/**
 * Whether ours got slower since the results that are committed. Machines and moments differ, so not the
 * values are compared but their ratios to the raw floor of the same run. Pure.
 */
import { figure } from './numbers.ts'
import type { MeasureResult, Results } from './result.ts'

/** Runs of the same code differ by up to this much, also as ratios. */
export const TOLERANCE = 1.4

export interface Comparison {
  readonly name: string
  readonly before: number
  readonly now: number
  /** By how much ours is worse; 1 = as before, 2 = twice as slow. */
  readonly worse: number
}

function toFloor(result: MeasureResult | undefined): number | undefined {
  return result?.floor ? result.ratios[result.floor] : undefined
}

/** Of every measure that has a floor in both. */
export function compare(committed: Results, now: Results): Comparison[] {
  return now.measures.flatMap((result) => {
    const earlier = committed.measures.find(({ name }) => name === result.name)
    const [before, after] = [toFloor(earlier), toFloor(result)]
    if (before === undefined || after === undefined) return []
    const worse = result.better === 'more' ? before / after : after / before
    return [{ name: result.name, before, now: after, worse }]
  })
}

export function isWorse({ worse }: Comparison): boolean {
  return worse > TOLERANCE
}

export function comparisonText(comparison: Comparison): string {
  const { name, before, now } = comparison
  const word = isWorse(comparison) ? 'WORSE' : 'ok'
  return `${word.padEnd(5)} ${name}: ${figure(now)} x the floor, was ${figure(before)} x`
}
