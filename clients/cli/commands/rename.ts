/** `agentmq rename`: gives a session another name. */
import type { Argv } from 'yargs'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { shortId } from '../session-text.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('session', {
      type: 'string',
      demandOption: true,
      describe: 'Session id, its name, or the beginning of its id',
    })
    .positional('name', { type: 'string', demandOption: true, describe: 'Its new name' })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const { session, name } = args
    const info = await client.call('session.rename', { session, name })
    if (cli.output.json) cli.output.record(info)
    else cli.output.line(`${shortId(info.session)}  renamed to ${info.name}`)
    return EXIT.ok
  })
}
