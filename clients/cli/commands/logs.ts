/** `agentmq logs`: a conversation from the journal; with -f also what comes, across broker restarts. */
import type { Argv } from 'yargs'
import type { StreamItem } from '../../sdk/index.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { safeText } from '../render/safe-text.ts'
import { hasEnded } from '../session-text.ts'
import { StreamView } from '../stream-view.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('session', {
      type: 'string',
      demandOption: true,
      describe: 'Session id, its name, or the beginning of its id',
    })
    .option('follow', {
      alias: 'f',
      type: 'boolean',
      default: false,
      describe: 'Go on with what comes, until the session has ended',
    })
    .option('since', {
      type: 'number',
      default: 1,
      describe: 'Sequence of the first chunk to show',
    })
    .option('raw', {
      type: 'boolean',
      default: false,
      describe: "Only the text of the agent's answers",
    })
    .check((args) => !(args.since < 1) || '--since counts from 1')
    .check((args) => !(args.raw && args.json) || '--raw and --json do not go together')

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const { signal } = cli
    const session = client.session(args.session)
    const info = await session.refresh({ signal })
    const show = args.raw ? rawWriter(cli) : chunkWriter(cli)
    const endsAtHead = !args.follow || hasEnded(info.status)
    if (endsAtHead && args.since > info.head) return EXIT.ok
    for await (const item of session.follow({ from: args.since, signal, until: 'complete' })) {
      await show(item)
      if (endsAtHead && lastSequence(item) >= info.head) break
    }
    return EXIT.ok
  })
}

function lastSequence(item: StreamItem): number {
  return item.type === 'gap' ? item.to : item.seq
}

type Show = (item: StreamItem) => Promise<void>

function chunkWriter(cli: Cli): Show {
  const view = new StreamView(cli.output, { statuses: true })
  return async (item) => {
    view.show(item)
    await view.drained()
  }
}

/** Answers of different turns stand on lines of their own. */
function rawWriter({ output }: Cli): Show {
  let isOpen = false
  return async (item) => {
    if (item.type === 'text') {
      output.write(output.isTerminal ? safeText(item.content) : item.content)
      isOpen = !item.content.endsWith('\n')
    } else if (item.type === 'turn_complete' && isOpen) {
      output.line()
      isOpen = false
    }
    await output.drained()
  }
}
