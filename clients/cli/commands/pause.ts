/** `agentmq pause`: lets sessions wait. */
import type { Argv } from 'yargs'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { eachSession, sessionsBuilder } from '../each-session.ts'
import { handleOf } from '../session-text.ts'

export const builder = (yargs: Argv<Globals>) =>
  sessionsBuilder(yargs).option('freeze', {
    type: 'boolean',
    default: false,
    describe: 'Stop the processes at once, in place of waiting for the turn to end',
  })

export function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const mode = args.freeze ? 'freeze' : 'hold'
  const action = eachSession(async (client, session) => {
    const info = await client.call('session.pause', { session, mode })
    const how = args.freeze ? 'frozen' : 'paused'
    return { result: info, line: `${handleOf(info)}  ${how}` }
  })
  return action(args, cli)
}
