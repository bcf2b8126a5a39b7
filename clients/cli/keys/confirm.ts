/** Asks a person at the terminal before something that cannot be taken back; programs are not asked. */
import { createInterface } from 'node:readline/promises'
import type { Cli } from '../command.ts'

/** True where nobody is there to ask. */
export async function confirmed(question: string, cli: Cli): Promise<boolean> {
  const { input, output, signal } = cli
  if (!isAtTerminal(cli)) return true
  const lines = createInterface({ input, output: output.terminal })
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal })
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}

export function isAtTerminal({ input, output }: Pick<Cli, 'input' | 'output'>): boolean {
  return input.isTTY === true && output.isTerminal && !output.json
}
