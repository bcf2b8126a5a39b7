/** `agentmq undrain`: a host may get new sessions again. */
import type { Argv } from 'yargs'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs.positional('host', { type: 'string', demandOption: true, describe: 'Host id or name' })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const info = await client.call('host.undrain', { host: args.host })
    if (cli.output.json) cli.output.record(info)
    else cli.output.line(`${info.name}  takes sessions again: ${info.used}/${info.slots} slots`)
    return EXIT.ok
  })
}
