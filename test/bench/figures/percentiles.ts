/** Medians and percentiles of what was measured. Pure. */

export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)

/** 99.9 % of 1,000 comes to a little more than 999. */
const ROUNDING = 1e-9

/** Nearest rank: a value that was measured, never one between two. Throws when nothing was. */
export function percentile(sorted: readonly number[], percent: number): number {
  const share = (percent / 100) * sorted.length
  const rank = Math.max(1, Math.ceil(share - ROUNDING))
  const value = sorted[rank - 1]
  if (value === undefined) throw new Error(`no percentile ${percent} of ${sorted.length} values`)
  return value
}

/** The mean of the two in the middle when their number is even. Throws when there are none. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values)
  const upper = sorted[sorted.length >> 1]
  const lower = sorted[(sorted.length - 1) >> 1]
  if (upper === undefined || lower === undefined) throw new Error('no median of no values')
  return (lower + upper) / 2
}

export function latencyOf(values: readonly number[]): Latency {
  const sorted = ascending(values)
  return {
    p50: percentile(sorted, 50),
    p99: percentile(sorted, 99),
    p999: percentile(sorted, 99.9),
  }
}
