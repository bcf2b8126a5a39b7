/** `agentmq attach`: joins a running conversation, beginning with what was said before. */
import type { Argv } from 'yargs'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SessionInfo } from '../../../protocol/methods/types.ts'
import { attachCredentials } from '../attach-credentials.ts'
import { holdConversation } from '../chat/hold-conversation.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { commandFor, handleOf } from '../session-text.ts'

/** Chunks to begin with: some screens full. */
const DEFAULT_LAST = 500

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('session', {
      type: 'string',
      demandOption: true,
      describe: 'Session id, its name, or the beginning of its id',
    })
    .option('last', {
      type: 'number',
      default: DEFAULT_LAST,
      describe: 'Begin with so many of the last chunks',
    })
    .option('since', { type: 'number', describe: 'Begin with this chunk; wins over --last' })
    .option('thinking', {
      type: 'boolean',
      default: true,
      describe: 'Show reasoning; --no-thinking hides it',
    })
    .option('tools', {
      type: 'boolean',
      default: true,
      describe: 'Show tool calls; --no-tools hides them',
    })
    .option('client', {
      alias: 'c',
      type: 'string',
      requiresArg: true,
      describe:
        'Do not join: get the token and the socket with which this kind of program attaches to a paused session, such as claude-code',
    })
    .check((args) => !((args.since ?? 1) < 1) || '--since counts from 1')

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const session = client.session(args.session)
    const info = await session.refresh({ signal: cli.signal })
    if (args.client !== undefined) return await printCredentials(info, args.client, cli)
    const from = args.since ?? Math.max(1, info.head - args.last + 1)
    const { thinking, tools } = args
    const { head } = info
    const held = await holdConversation(cli, { session, from, head, first: '', thinking, tools })
    if (held.end !== 'stopped') {
      cli.output.note(`· come back with: ${commandFor(`attach ${handleOf(info)}`, cli.globals)}`)
    }
    return held.exitCode
  })
}

async function printCredentials(info: SessionInfo, client: string, cli: Cli): Promise<number> {
  const { session, status } = info
  if (info.paused === '') {
    const action = 'be attached to before it is paused'
    throw new ProtocolError('WRONG_STATE', { session, status, action }, { where: 'cli' })
  }
  const { token, connect_url, expires_at } = await attachCredentials(cli, session, client)
  const { output } = cli
  if (output.json) {
    output.record({ agent_id: session, client_type: client, connect_url, expires_at, token })
    return EXIT.ok
  }
  output.line('Attach credentials generated:')
  output.line(`  Token: ${token}`)
  output.line(`  Connect URL: ${connect_url}`)
  output.line(`  Expires at: ${new Date(expires_at * 1000).toISOString()}`)
  return EXIT.ok
}
