/** Tool calls and their results: one line for a call, a few indented lines for a result. */
import { truncate } from './display-width.ts'
import { safeLine, safeText } from './safe-text.ts'
import type { Style } from './style.ts'

const MAX_INPUT_WIDTH = 160
const MAX_RESULT_LINES = 8
const MAX_RESULT_WIDTH = 200

/** `⚙ Bash {"command":"ls"}` */
export function callLine(name: string, input: unknown, style: Style): string {
  const call = `${style.cyan(`⚙ ${safeLine(name)}`)}`
  if (input === undefined) return call
  return `${call} ${truncate(safeLine(inputText(input)), MAX_INPUT_WIDTH)}`
}

function inputText(input: unknown): string {
  return typeof input === 'string' ? input : JSON.stringify(input)
}

/** The first lines of a result under its call; errors in red. How much was left out is said. */
export function resultLines(result: string, isError: boolean, style: Style): string[] {
  const all = safeText(result).trimEnd().split('\n')
  const shown = all.slice(0, MAX_RESULT_LINES).map((line) => truncate(line, MAX_RESULT_WIDTH))
  const paint = isError ? style.red : style.dim
  const mark = isError ? '✗ ' : '↳ '
  const lines = shown.map((line, index) => paint(`  ${index === 0 ? mark : '  '}${line}`))
  const rest = all.length - shown.length
  if (rest > 0) lines.push(style.dim(`    … ${rest} more line${rest === 1 ? '' : 's'}`))
  return lines
}
