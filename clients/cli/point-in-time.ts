/** A point in time as people write it: `2h` ago, a date, or a date with a time. */
import { UsageError } from './usage-error.ts'

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** ms since 1970. Throws UsageError; `flag` is what it was given to. */
export function pointInTime(flag: string, text: string, now: number): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text.trim()) ?? []
  if (count !== undefined && unit !== undefined) {
    return Math.round(now - Number(count) * (UNITS[unit] ?? 0))
  }
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(time)) return time
  throw new UsageError(`--${flag} takes a time such as 2026-01-31T12:00Z, or 90s, 15m, 2h, 3d ago`)
}
