/** `agentmq readers`: who reads which session, and how far behind they are. */
import type { Argv } from 'yargs'
import type { ReaderInfo } from '../../../protocol/methods/readers.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { duration } from '../render/durations.ts'
import { type Column, table } from '../render/table.ts'
import { shortId } from '../session-text.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs.positional('session', {
    type: 'string',
    describe: 'Only readers of this one: its id, name or the start of its id',
  })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const { output, interrupts } = cli
  const { session } = args
  return await withClient(cli, async (client) => {
    const params = session === undefined ? {} : { session }
    const found = await client.call('stream.readers', params, { signal: interrupts.signal })
    if (output.json) output.record(found)
    else if (found.readers.length === 0) output.note('nobody reads')
    else {
      for (const line of table(COLUMNS, found.readers, output)) output.line(line)
      const left = found.total - found.readers.length
      if (left > 0) output.note(`${left} more that are less far behind`)
    }
    return EXIT.ok
  })
}

const COLUMNS: readonly Column<ReaderInfo>[] = [
  { title: 'SESSION', value: ({ session }) => shortId(session) },
  { title: 'PRINCIPAL', value: ({ principal }) => principal },
  { title: 'CONNECTION', value: ({ connection }) => connection },
  { title: 'LIVE', value: ({ live }) => (live ? 'yes' : 'no') },
  { title: 'POSITION', value: ({ position }) => String(position), align: 'right' },
  { title: 'HEAD', value: ({ head }) => String(head), align: 'right' },
  { title: 'LAG', value: ({ lag }) => String(lag), align: 'right' },
  { title: 'OPENED', value: ({ opened_ms }) => `${duration(opened_ms)} ago`, align: 'right' },
  { title: 'REPORTED', value: ({ reported_ms }) => reportAge(reported_ms) },
]

function reportAge(ms: number): string {
  return ms < 0 ? '' : `${duration(ms)} ago`
}
