/** `agentmq output`: lines of what an agent wrote, filtered by the broker. */
import type { Argv } from 'yargs'
import { OUTPUT_STREAMS } from '../../../protocol/methods/output.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { safeText } from '../render/safe-text.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('session', {
      type: 'string',
      demandOption: true,
      describe: 'Session id, its name, or the beginning of its id',
    })
    .option('grep', {
      alias: 'g',
      type: 'string',
      describe: 'Only lines in which this pattern is found (RE2 syntax)',
    })
    .option('ignore-case', { alias: 'i', type: 'boolean', default: false, describe: 'With --grep' })
    .option('stream', {
      array: true,
      choices: OUTPUT_STREAMS,
      describe: 'Only the answer, the diagnostics, or the results of tools',
    })
    .option('since', { type: 'number', describe: 'Begin at this chunk' })
    .option('limit', { type: 'number', describe: 'So many lines at most' })
    .option('offset', { type: 'number', default: 0, describe: 'Pass over so many lines first' })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const lines = client.output(args.session, {
      ...(args.grep !== undefined && { pattern: args.grep }),
      ...(args.stream && { streams: args.stream }),
      ...(args.since !== undefined && { from: args.since }),
      ...(args.limit !== undefined && { limit: args.limit }),
      ignoreCase: args['ignore-case'],
      offset: args.offset,
      signal: cli.signal,
    })
    for await (const line of lines) {
      if (cli.output.json) cli.output.record(line)
      else cli.output.line(safeText(line.text))
    }
    return EXIT.ok
  })
}
