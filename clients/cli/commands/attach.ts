/** `agentmq attach`: joins a running conversation, beginning with what was said before. */
import type { Argv } from 'yargs'
import { holdConversation } from '../chat/hold-conversation.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
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
    .check((args) => !((args.since ?? 1) < 1) || '--since counts from 1')

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const session = client.session(args.session)
    const info = await session.refresh({ signal: cli.signal })
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
