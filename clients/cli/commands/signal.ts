/** `agentmq signal`: sends a signal to the processes of sessions. */
import type { Argv } from 'yargs'
import { SIGNALS } from '../../../protocol/methods/control.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { eachSession, sessionsBuilder } from '../each-session.ts'
import { handleOf } from '../session-text.ts'

export const builder = (yargs: Argv<Globals>) =>
  sessionsBuilder(yargs).positional('signal', {
    choices: SIGNALS,
    demandOption: true,
    describe: 'To stop, freeze or end a session there are commands of their own',
  })

export function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const { signal } = args
  const action = eachSession(async (client, session) => {
    const info = await client.call('session.signal', { session, signal })
    return { result: info, line: `${handleOf(info)}  ${signal} sent` }
  })
  return action(args, cli)
}
