/** `agentmq batch`: the same for many sessions in one request. */
import type { Argv } from 'yargs'
import { BATCH_ACTIONS, type BatchAction, MAX_BATCH } from '../../../protocol/methods/batch.ts'
import { SIGNALS } from '../../../protocol/methods/control.ts'
import type { Result } from '../../../protocol/methods/index.ts'
import type { Client } from '../../sdk/index.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { listSessions } from '../session-list.ts'
import { shortId } from '../session-text.ts'
import { UsageError } from '../usage-error.ts'
import { LIVE } from './ps.ts'

const PREFIX = 'session.'
/** Stopping many processes step by step takes a while. */
const DEADLINE_MS = 120_000

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('action', {
      choices: BATCH_ACTIONS.map((action) => action.slice(PREFIX.length)),
      demandOption: true,
      describe: 'What to do',
    })
    .positional('session', { type: 'string', array: true, describe: 'Sessions; or --all' })
    .option('all', {
      type: 'boolean',
      default: false,
      describe: 'Every session that has not ended',
    })
    .option('host', { type: 'string', requiresArg: true, describe: 'With --all: on this host id' })
    .option('backend', {
      type: 'string',
      requiresArg: true,
      describe: 'With --all: of this backend',
    })
    .option('text', { type: 'string', requiresArg: true, describe: 'For prompt: what to ask' })
    .option('signal', { choices: SIGNALS, describe: 'For signal' })
    .option('mode', { type: 'string', requiresArg: true, describe: 'For pause and set_mode' })
    .option('fail-fast', {
      type: 'boolean',
      default: false,
      describe: 'One after the other, up to the first failure',
    })

type Args = ArgsOf<typeof builder>

export async function handler(args: Args, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const sessions = await chosen(client, args, cli)
    if (sessions.length === 0) {
      cli.output.note('no session fits')
      return EXIT.ok
    }
    const result = await client.call(
      'session.batch',
      {
        sessions,
        action: `${PREFIX}${args.action}` as BatchAction,
        params: paramsOf(args),
        fail_fast: args['fail-fast'],
      },
      { deadlineMs: DEADLINE_MS, signal: cli.signal },
    )
    if (cli.output.json) cli.output.record(result)
    else for (const entry of result.results) cli.output.line(lineOf(entry))
    return result.failed > 0 ? EXIT.failed : EXIT.ok
  })
}

async function chosen(client: Client, args: Args, cli: Cli): Promise<string[]> {
  const named = words(args.session, args)
  if (!args.all) {
    if (named.length === 0) throw new UsageError('name the sessions, or say --all')
    return named
  }
  if (named.length > 0) throw new UsageError('name the sessions or say --all, not both')
  const live = await listSessions(client, LIVE, cli.signal)
  return live
    .filter(({ host }) => args.host === undefined || host === args.host)
    .filter(({ backend }) => args.backend === undefined || backend === args.backend)
    .slice(0, MAX_BATCH)
    .map(({ session }) => session)
}

/** The broker says which of them the action needs. */
function paramsOf({ text, signal, mode }: Args): Record<string, unknown> {
  return {
    ...(text !== undefined && { text }),
    ...(signal !== undefined && { signal }),
    ...(mode !== undefined && { mode }),
  }
}

function lineOf(entry: Result<'session.batch'>['results'][number]): string {
  const { session, outcome, message } = entry
  return `${shortId(session)}  ${outcome}${message === undefined ? '' : `: ${message}`}`
}
