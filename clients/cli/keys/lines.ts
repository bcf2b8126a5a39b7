/** Lines with a label in front, as `agentmq keys` prints them. */
import type { Output } from '../output.ts'

const LABEL_WIDTH = 13

/** Those without a text are left out. */
export function labelledLines(
  rows: readonly (readonly [label: string, text: string | undefined])[],
  { style }: Pick<Output, 'style'>,
): string[] {
  return rows.flatMap(([label, text]) =>
    text === undefined || text === '' ? [] : [`${style.bold(label.padEnd(LABEL_WIDTH))}${text}`],
  )
}
