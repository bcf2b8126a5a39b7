/** `agentmq approve`: lets agents do what they ask for. */
import type { Argv } from 'yargs'
import { answerAll, approvalPositional } from '../answer-approvals.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs.positional('approval', approvalPositional).option('always', {
    type: 'boolean',
    default: false,
    describe: 'The like is not asked again, where the agent can do that',
  })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const decision = args.always ? 'allow_always' : 'allow'
  return await answerAll(words(args.approval, args), { decision }, cli)
}
