/** `agentmq logs`: a conversation from the journal; with -f also what comes, across broker restarts. */
import type { Argv } from 'yargs'
import { CHUNKS, type ChunkType } from '../../../protocol/messages/chunk.ts'
import type { StreamItem } from '../../sdk/index.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { safeText } from '../render/safe-text.ts'
import { hasEnded } from '../session-text.ts'
import { StreamView } from '../stream-view.ts'

/** Chunks that --limit holds back in memory: far more than anybody reads. */
const MAX_LIMIT = 10_000

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
    .option('limit', {
      alias: 'l',
      type: 'number',
      requiresArg: true,
      describe: `Only the last so many of what there is by now, at most ${MAX_LIMIT}`,
    })
    .option('event-type', {
      choices: Object.keys(CHUNKS) as ChunkType[],
      describe: 'Only chunks of this type',
    })
    .option('raw', {
      type: 'boolean',
      default: false,
      describe: "Only the text of the agent's answers",
    })
    .check((args) => !(args.since < 1) || '--since counts from 1')
    .check(({ limit = 1 }) => isCount(limit, MAX_LIMIT) || `--limit takes 1 to ${MAX_LIMIT}`)
    .check((args) => !(args.raw && args.json) || '--raw and --json do not go together')

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const { signal } = cli
    const session = client.session(args.session)
    const info = await session.refresh({ signal })
    const write = args.raw ? rawWriter(cli) : chunkWriter(cli)
    const type = args['event-type']
    const tail = new Tail(args.limit, write)
    const endsAtHead = !args.follow || hasEnded(info.status)
    if (endsAtHead && args.since > info.head) return EXIT.ok
    for await (const item of session.follow({ from: args.since, signal, until: 'complete' })) {
      if (type === undefined || item.type === type) await tail.show(item)
      if (lastSequence(item) < info.head) continue
      await tail.end()
      if (endsAtHead) break
    }
    await tail.end()
    return EXIT.ok
  })
}

function isCount(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most
}

/** Holds the last so many back until it is known that they are; then, and without a limit, all pass. */
class Tail {
  readonly #limit: number
  readonly #show: Show
  #held: StreamItem[] | undefined

  constructor(limit: number | undefined, show: Show) {
    this.#limit = limit ?? 0
    this.#held = limit === undefined ? undefined : []
    this.#show = show
  }

  async show(item: StreamItem): Promise<void> {
    if (!this.#held) {
      await this.#show(item)
      return
    }
    this.#held.push(item)
    if (this.#held.length > this.#limit) this.#held.shift()
  }

  async end(): Promise<void> {
    const held = this.#held ?? []
    this.#held = undefined
    for (const item of held) await this.#show(item)
  }
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
