/** The text of a prompt: from the words of the command line, or from stdin. */
import { text as readAll } from 'node:stream/consumers'
import type { Cli } from './command.ts'
import { UsageError } from './usage-error.ts'

/** Words and stdin together are one text: the words first, as an instruction for what follows. */
export async function readText(
  given: readonly string[],
  isFromInput: boolean,
  cli: Cli,
): Promise<string> {
  const said = given.join(' ').trim()
  if (!isFromInput) return said
  const piped = (await readAll(cli.input)).trim()
  return [said, piped].filter((part) => part !== '').join('\n\n')
}

/** The same, when there has to be one. */
export async function requireText(
  given: readonly string[],
  isFromInput: boolean,
  cli: Cli,
): Promise<string> {
  const text = await readText(given, isFromInput, cli)
  if (text === '') throw new UsageError('the prompt is empty; give a text, or - to read stdin')
  return text
}
