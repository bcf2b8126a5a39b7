/** `agentmq remove`: takes sessions that have ended away, with all that was said in them. */
import type { Argv } from 'yargs'
import type { SessionStatus } from '../../../protocol/methods/types.ts'
import type { Client } from '../../sdk/index.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import { withClient } from '../connection.ts'
import { actOnEach } from '../each-session.ts'
import { listSessions } from '../session-list.ts'
import { shortId } from '../session-text.ts'
import { UsageError } from '../usage-error.ts'

const ENDED: readonly SessionStatus[] = ['ended', 'failed']

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('session', {
      type: 'string',
      array: true,
      describe: 'Session ids, names or beginnings of ids',
    })
    .option('all-ended', {
      type: 'boolean',
      default: false,
      describe: 'All sessions that have ended or failed',
    })
    .option('force', {
      type: 'boolean',
      default: false,
      describe: 'Also sessions whose host is lost; if it comes back, it ends their processes',
    })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const named = words(args.session, args)
  if (named.length > 0 === args['all-ended']) {
    throw new UsageError('name sessions, or say --all-ended, and not both')
  }
  return await withClient(cli, async (client) => {
    const sessions = args['all-ended'] ? await endedSessions(client, cli) : named
    if (sessions.length === 0 && !cli.output.json) cli.output.note('no session has ended')
    const { force } = args
    return await actOnEach(client, sessions, cli, async (_client, session) => {
      const result = await client.call('session.remove', { session, ...(force && { force }) })
      return { result, line: `${result.name || shortId(result.session)}  removed` }
    })
  })
}

async function endedSessions(client: Client, { interrupts }: Cli): Promise<string[]> {
  const sessions = await listSessions(client, ENDED, interrupts.signal)
  return sessions.map(({ session }) => session)
}
