/** `agentmq approvals`: what agents ask and nobody has answered yet. */
import type { Argv } from 'yargs'
import type { ApprovalInfo, Client } from '../../sdk/index.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { outcomeText, questionText } from '../render/approval-lines.ts'
import { duration } from '../render/durations.ts'
import { type Column, table } from '../render/table.ts'
import { shortId } from '../session-text.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .option('follow', {
      alias: 'f',
      type: 'boolean',
      default: false,
      describe: 'Go on with what is asked and answered, in any session',
    })
    .option('session', {
      alias: 's',
      type: 'string',
      requiresArg: true,
      describe: 'Only those of this session',
    })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const { session, follow } = args
    if (follow) await tell(client, session, cli)
    else {
      const approvals = await client.approvals({ session }, { signal: cli.signal })
      if (cli.output.json) cli.output.record({ approvals })
      else printTable(approvals, cli)
    }
    return EXIT.ok
  })
}

function printTable(approvals: readonly ApprovalInfo[], { output }: Cli): void {
  if (approvals.length === 0) output.note('nothing waits for an answer')
  else {
    for (const line of table(columns(Date.now()), approvals, output)) output.line(line)
    output.note('answer with `agentmq approve APPROVAL` or `agentmq deny APPROVAL`')
  }
}

function columns(now: number): readonly Column<ApprovalInfo>[] {
  return [
    { title: 'APPROVAL', value: (one) => shortId(one.approval) },
    { title: 'SESSION', value: (one) => shortId(one.session) },
    { title: 'SINCE', value: (one) => duration(now - one.asked_at), align: 'right' },
    {
      title: 'DENIED IN',
      value: (one) => (one.expires_at === undefined ? '' : duration(one.expires_at - now)),
      align: 'right',
    },
    { title: 'QUESTION', value: questionText },
  ]
}

/** One line for each change, until the command is ended. */
async function tell(client: Client, session: string | undefined, cli: Cli): Promise<void> {
  const { output, signal } = cli
  for await (const one of client.watchApprovals({ session, signal })) {
    if (output.json) output.record(one)
    else output.line(changeLine(one, cli))
    await output.drained()
  }
}

function changeLine(one: ApprovalInfo, { output }: Cli): string {
  const ids = output.style.dim(`${shortId(one.approval)}  ${shortId(one.session)}`)
  const { outcome, by = '', reason } = one
  if (outcome === undefined) return `${ids}  ${output.style.yellow(`? ${questionText(one)}`)}`
  const told = { outcome, by, ...(reason !== undefined && { reason }) }
  const isOnItsWay = one.state === 'answered' ? ', on its way to the agent' : ''
  return `${ids}  ${outcomeText(told)}${isOnItsWay}`
}
