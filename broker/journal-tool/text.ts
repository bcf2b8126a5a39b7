/** Figures of a journal as words. */
import type { Survey } from './survey.ts'

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function size(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

export function journalLine({ path, file, epoch }: Survey): string {
  return `${path}: version ${file?.version ?? 'unknown'}, epoch ${epoch ?? 'unknown'}`
}

export function timeText(ms: number): string {
  return ms > 0 && ms < 8.64e15 ? new Date(ms).toISOString() : 'never'
}
