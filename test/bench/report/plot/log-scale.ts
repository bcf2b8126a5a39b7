/** A logarithmic axis: where a value is on it, and which lines it has. Pure. */

/** Steps within a decade that people read easily. */
const STEPS = [1, 2, 5] as const
/** An axis that shows less than this makes a mountain of noise; a factor. */
const LEAST_SPAN = 10
const ROUNDING = 1e-9

export interface LogScale {
  readonly from: number
  readonly to: number
  /** Rising; few enough to be read. */
  readonly ticks: readonly number[]
  /** 0 at `from`, 1 at `to`; what is below, as zero is, lies at the foot. */
  place(value: number): number
}

/** All steps around these values, one more at least on both sides. */
function steps(least: number, most: number): number[] {
  const found: number[] = []
  const [first, last] = [Math.floor(Math.log10(least)) - 1, Math.ceil(Math.log10(most)) + 1]
  for (let power = first; power <= last; power += 1) {
    for (const step of STEPS) found.push(Number(`${step}e${power}`))
  }
  return found
}

/** From one readable step to another, so that all values that are above zero are between them. */
export function logScale(values: readonly number[]): LogScale {
  const positive = values.filter((value) => value > 0)
  const [least, most] =
    positive.length > 0 ? [Math.min(...positive), Math.max(...positive)] : [1, 1]
  const all = steps(least / LEAST_SPAN, most * LEAST_SPAN)
  let low = all.findLastIndex((step) => step <= least * (1 + ROUNDING))
  let high = all.findIndex((step) => step >= most * (1 - ROUNDING))
  for (let isUp = true; span(all, low, high) < LEAST_SPAN; isUp = !isUp) {
    if (isUp) high += 1
    else low -= 1
  }
  const shown = all.slice(low, high + 1)
  const [from = 1, to = LEAST_SPAN] = [shown[0], shown.at(-1)]
  const decades = Math.log10(to / from)
  const place = (value: number) =>
    value <= from ? 0 : Math.min(1, Math.log10(value / from) / decades)
  return { from, to, ticks: readable(shown, decades), place }
}

function span(all: readonly number[], low: number, high: number): number {
  return (all[high] ?? 1) / (all[low] ?? 1) + ROUNDING
}

/** Whole decades where there are several of them. */
function readable(shown: readonly number[], decades: number): number[] {
  if (decades <= 1.5) return [...shown]
  return shown.filter((step) => Math.abs(Math.log10(step) % 1) < ROUNDING)
}
