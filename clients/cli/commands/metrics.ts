/** `agentmq metrics`: the figures of the broker, as Prometheus reads them. */
import type { Argv } from 'yargs'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'

export const builder = (yargs: Argv<Globals>) => yargs

export async function handler(_args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const { output, interrupts } = cli
  return await withClient(cli, async (client) => {
    const metrics = await client.call('system.metrics', {}, { signal: interrupts.signal })
    if (output.json) output.record(metrics)
    else output.write(metrics.text)
    return EXIT.ok
  })
}
