/** How figures are written for people. Pure. */

/** Three digits that mean something, thousands apart: 85,300 or 0.412. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return 'n/a'
  const size = Math.abs(value)
  if (size >= 100) return Math.round(Number(value.toPrecision(3))).toLocaleString('en-US')
  return size === 0 ? '0' : String(Number(value.toPrecision(3)))
}

const SIZES = [
  { size: 1e9, letter: 'G' },
  { size: 1e6, letter: 'M' },
  { size: 1e3, letter: 'k' },
] as const

/** As short as labels of a plot have to be: 15k, 2.5M. */
export function compact(value: number): string {
  const fitting = SIZES.find(({ size }) => Math.abs(value) >= size)
  if (!fitting) return figure(value)
  return `${figure(value / fitting.size)}${fitting.letter}`
}

export const ratio = (value: number): string => `${figure(value)} x`

export const VERDICTS = { true: 'met', false: 'not met', null: 'not judged' } as const

export function verdict(met: boolean | null): string {
  return VERDICTS[`${met}`]
}
