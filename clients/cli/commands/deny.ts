/** `agentmq deny`: keeps agents from what they ask for. */
import type { Argv } from 'yargs'
import { answerAll, approvalPositional } from '../answer-approvals.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('approval', approvalPositional)
    .option('message', {
      alias: 'm',
      type: 'string',
      requiresArg: true,
      describe: 'What the agent is told',
    })
    .option('interrupt', {
      type: 'boolean',
      default: false,
      describe: 'End the turn as well',
    })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const { message, interrupt } = args
  const more = { ...(message !== undefined && { message }), ...(interrupt && { interrupt }) }
  return await answerAll(words(args.approval, args), { decision: 'deny', ...more }, cli)
}
