/** How figures are written for people. Pure. */

/** Three digits that mean something, thousands apart: 85,300 or 0.412. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return 'n/a'
  const size = Math.abs(value)
  if (size >= 100) return Math.round(Number(value.toPrecision(3))).toLocaleString('en-US')
  return size === 0 ? '0' : String(Number(value.toPrecision(3)))
}

export const ratio = (value: number): string => `${figure(value)} x`

export const VERDICTS = { true: 'met', false: 'not met', null: 'not judged' } as const

export function verdict(met: boolean | null): string {
  return VERDICTS[`${met}`]
}
