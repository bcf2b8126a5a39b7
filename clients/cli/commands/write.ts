/** `agentmq write`: one line for a program that reads plain lines. */
import type { Argv } from 'yargs'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { handleOf } from '../session-text.ts'
import { readText } from '../text-input.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('session', {
      type: 'string',
      demandOption: true,
      describe: 'Session id, its name, or the beginning of its id',
    })
    .positional('line', { type: 'string', array: true, describe: 'What to write; - reads stdin' })
    .option('stdin', { type: 'boolean', hidden: true })

/** An empty line is a line. */
export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const line = await readText(words(args.line, args), args.stdin === true, cli)
  return await withClient(cli, async (client) => {
    const info = await client.call('session.write', { session: args.session, line })
    if (cli.output.json) cli.output.record(info)
    else cli.output.line(`${handleOf(info)}  written`)
    return EXIT.ok
  })
}
