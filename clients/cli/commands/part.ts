/**
 * `agentmq broker`, `host`, `shim` and `journal`, as far as yargs is concerned: main hands them to the part
 * before yargs sees them, because their flags are their own.
 */
import type { Argv } from 'yargs'
import type { Globals } from '../command.ts'
import { UsageError } from '../usage-error.ts'

export const builder = (yargs: Argv<Globals>) => yargs.strict(false)

export async function handler(): Promise<number> {
  throw new UsageError(
    'give the verb first: `agentmq broker …`, `agentmq host …`, `agentmq shim …` or `agentmq journal …`',
  )
}
