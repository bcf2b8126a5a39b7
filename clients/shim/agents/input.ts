/** What old clients write to the stdin of an agent: lines for a program, prompts for an agent. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { MAX_STDIN_LINE } from '../../../protocol/methods/control.ts'
import type { Actor } from '../../sdk/index.ts'

/** Lines in one write; each is a call of its own. */
export const MAX_INPUT_LINES = 10_000

/**
 * Writes lines, in order, to a program that reads them; an agent that takes prompts gets all of them as one.
 * A piece without a newline at the end counts as a line. Rejects with ProtocolError.
 */
export async function writeInput(client: Actor, session: string, text: string): Promise<void> {
  const lines = text.replace(/\r?\n$/, '').split('\n')
  checkLines(lines)
  for (const [index, line] of lines.entries()) {
    try {
      await client.call('session.write', { session, line })
    } catch (thrown) {
      const isFirst = index === 0
      if (!isFirst || ProtocolError.from(thrown, 'client').code !== 'NOT_SUPPORTED') throw thrown
      await prompt(client, session, lines.join('\n'))
      return
    }
  }
}

/** There is nothing to ask with an empty one. */
async function prompt(client: Actor, session: string, text: string): Promise<void> {
  if (text.trim() !== '') await client.call('session.prompt', { session, text })
}

function checkLines(lines: readonly string[]): void {
  const tooLarge = (what: string, size: number, limit: number): ProtocolError =>
    new ProtocolError('TOO_LARGE', { what, size, limit }, { where: 'client' })
  if (lines.length > MAX_INPUT_LINES) throw tooLarge('input', lines.length, MAX_INPUT_LINES)
  const longest = lines.reduce((most, { length }) => Math.max(most, length), 0)
  if (longest > MAX_STDIN_LINE) throw tooLarge('a line', longest, MAX_STDIN_LINE)
}
