/** `agentmq events`: what happens, as it happens, across broker restarts. */
import type { Argv } from 'yargs'
import type { EventTopic } from '../../../protocol/messages/chunk.ts'
import type { Client, StreamItem } from '../../sdk/index.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { eventLine, gapLine } from '../render/event-lines.ts'

const TOPICS = [
  ...(['session', 'task', 'state', 'workflow', 'host', 'system'] as const),
] satisfies readonly EventTopic[]

const EVENTS = '@events'

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .option('since', {
      type: 'number',
      requiresArg: true,
      describe: 'Number of the first event to show; default: only what comes, with --once all',
    })
    .option('once', {
      type: 'boolean',
      default: false,
      describe: 'End with the last event that there is',
    })
    .option('topic', {
      choices: TOPICS,
      array: true,
      requiresArg: true,
      describe: 'Only what is about these (repeatable)',
    })
    .check((args) => !((args.since ?? 1) < 1) || '--since counts from 1')

type Args = ArgsOf<typeof builder>

export async function handler(args: Args, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const { signal } = cli
    const head = await headOf(client, signal)
    const from = args.since ?? (args.once ? 1 : head + 1)
    if (args.once && from > head) return EXIT.ok
    for await (const item of client.follow(EVENTS, { from, signal })) {
      if (isWanted(item, args)) show(item, cli)
      await cli.output.drained()
      if (args.once && (item.type === 'gap' ? item.to : item.seq) >= head) break
    }
    return EXIT.ok
  })
}

async function headOf(client: Client, signal: AbortSignal): Promise<number> {
  const page = { session: EVENTS, from: 1, to: 1, max_count: 1 }
  return (await client.call('stream.read', page, { signal })).head
}

/** A gap may have had anything in it. */
function isWanted(item: StreamItem, { topic }: Args): boolean {
  if (item.type === 'gap' || topic === undefined || topic.length === 0) return true
  return item.type === 'event' && topic.includes(item.topic)
}

function show(item: StreamItem, { output }: Cli): void {
  if (output.json) {
    const { type, ...rest } = item
    output.record(type === 'event' ? rest : item)
  } else if (item.type === 'event') output.line(eventLine(item, output.style))
  else if (item.type === 'gap') output.line(gapLine(item, output.style))
}
