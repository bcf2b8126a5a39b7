/** The results of a measure for a terminal. Pure. */
import { OURS } from '../measures/measure.ts'
import { figure, ratio, verdict } from './numbers.ts'
import type { MeasureResult } from './result.ts'

const HEADINGS = ['', 'median', 'min', 'max', 'ours is', 'p50', 'p99', 'p99.9', 'CPU s', 'peak MB']

/** Columns as wide as they need to be; the first to the left, numbers to the right. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}

export function measureText(result: MeasureResult): string {
  const { name, title, unit, outcomes, notRun, goals } = result
  const rows = Object.entries(outcomes).map(([contestant, outcome]) => {
    const { latencyMs, cpuSeconds, peakMb } = outcome
    const optional = (value: number | undefined) => (value === undefined ? '' : figure(value))
    const times = result.ratios[contestant]
    return [
      contestant,
      ...[outcome.value, outcome.min, outcome.max].map(figure),
      contestant === OURS || times === undefined ? '' : ratio(times),
      ...[latencyMs?.p50, latencyMs?.p99, latencyMs?.p999, cpuSeconds, peakMb].map(optional),
    ]
  })
  const more = Object.entries(outcomes).flatMap(([contestant, { more = {} }]) =>
    Object.entries(more).map(([what, value]) => `${contestant}: ${what} ${figure(value)}`),
  )
  const missing = Object.entries(notRun).map(
    ([contestant, why]) => `${contestant}: not run, ${why}`,
  )
  const judged = goals.map(
    ({ text, is, unit, met }) =>
      `goal ${text}: ${verdict(met)}${is === null ? '' : ` (${`${figure(is)} ${unit}`.trimEnd()})`}`,
  )
  const table = rows.length > 0 ? aligned([HEADINGS, ...rows]) : []
  return [`${name}: ${title} [${unit}]`, ...table, ...more, ...missing, ...judged].join('\n  ')
}
