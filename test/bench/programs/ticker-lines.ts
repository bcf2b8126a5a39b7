/** What the ticker says and hears, and how a host runs it. */
import { fileURLToPath } from 'node:url'
import type { Ticks } from '../load/ticks.ts'

export const DONE = 'done'
const INTERRUPTED = 'interrupted at'

export const TICKER = fileURLToPath(new URL('./stdout-ticker.js', import.meta.url))

/** The silence after which a turn that was interrupted is over, ms. */
const IDLE_MS = 20

/** For the `stdio_commands` of a host. */
export const TICKER_COMMAND = {
  ...{ command: process.execPath, args: [TICKER], interrupt: true },
  ...{ turn_end: 'line', end_line: DONE, idle_ms: IDLE_MS },
} as const

export const askFor = ({ count, meanMs }: Ticks): string => `${count} ${meanMs}`

export function asked(line: string): Ticks {
  const [count = 0, meanMs = 0] = line.split(' ').map(Number)
  return { count, meanMs }
}

export const tellInterrupt = (at: number): string => `${INTERRUPTED} ${at.toFixed(3)}`

/** When the ticker says in this text that it was interrupted; undefined when it does not say so. */
export function interruptIn(text: string): number | undefined {
  const [, at] = new RegExp(`${INTERRUPTED} ([0-9.]+)`).exec(text) ?? []
  return at === undefined ? undefined : Number(at)
}
