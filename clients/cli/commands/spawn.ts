/** `agentmq spawn`: starts a session, gives it a first prompt if there is one, and leaves it running. */
import type { Argv } from 'yargs'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { createParams, ownDirectory, sessionOptions } from '../session-options.ts'
import { commandFor, handleOf } from '../session-text.ts'
import { readText } from '../text-input.ts'

export const builder = (yargs: Argv<Globals>) =>
  sessionOptions(yargs)
    .positional('prompt', { type: 'string', array: true, describe: 'First prompt; - reads stdin' })
    .option('backend', {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      describe: 'Backend, as `agentmq hosts` lists it',
    })
    .option('on-prompt', {
      type: 'boolean',
      default: false,
      describe: 'Only create it; the first prompt starts it',
    })
    .option('stdin', { type: 'boolean', hidden: true })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const text = await readText(words(args.prompt, args), args.stdin === true, cli)
  return await withClient(cli, async (client, settings) => {
    const session = await client.createSession({
      ...createParams(args, args.backend, ownDirectory(cli, settings)),
      ...(args['on-prompt'] && { start: 'on_prompt' }),
    })
    if (text !== '') await session.prompt(text)
    if (cli.output.json) {
      cli.output.record(await client.call('session.get', { session: session.id }))
      return EXIT.ok
    }
    cli.output.line(session.id)
    cli.output.note(`· ${commandFor(`attach ${handleOf(session.info)}`, cli.globals)}`)
    return EXIT.ok
  })
}
