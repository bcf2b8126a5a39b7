/** Asks a person at the terminal before something that cannot be taken back; programs are not asked. */
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { Cli } from '../command.ts'

/** True where nobody is there to ask. Rejects when it is interrupted. */
export async function confirmed(question: string, cli: Cli): Promise<boolean> {
  const { input, output, signal } = cli
  if (!isAtTerminal(cli)) return true
  // The terminal keeps its own line editing, so that Ctrl-C stays a signal.
  const lines = createInterface({ input, output: output.terminal, terminal: false })
  try {
    const ended = once(lines, 'close').then(() => '')
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), ended])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}

export function isAtTerminal({ input, output }: Pick<Cli, 'input' | 'output'>): boolean {
  return input.isTTY === true && output.isTerminal && !output.json
}
