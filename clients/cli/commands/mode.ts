/** `agentmq mode`: changes the permission mode of live sessions. */
import type { Argv } from 'yargs'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { eachSession, sessionsBuilder } from '../each-session.ts'
import { handleOf } from '../session-text.ts'

export const builder = (yargs: Argv<Globals>) =>
  sessionsBuilder(yargs).positional('mode', {
    type: 'string',
    demandOption: true,
    describe: 'As the CLI names it',
  })

export function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const { mode } = args
  const action = eachSession(async (client, session) => {
    const info = await client.call('session.set_mode', { session, mode })
    return { result: info, line: `${handleOf(info)}  is in mode ${mode}` }
  })
  return action(args, cli)
}
