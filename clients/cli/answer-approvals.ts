/** One answer to each of several questions, for `approve` and `deny`: all are tried. */
import { type ApprovalInfo, type ApprovalReply, type Client, ProtocolError } from '../sdk/index.ts'
import type { Cli } from './command.ts'
import { withClient } from './connection.ts'
import { EXIT } from './exit-codes.ts'
import { reportFailure } from './failure.ts'
import { outcomeText, questionText } from './render/approval-lines.ts'
import { shortId } from './session-text.ts'
import { UsageError } from './usage-error.ts'

export const approvalPositional = {
  type: 'string',
  array: true,
  demandOption: true,
  describe: 'Ids of approvals, beginnings of them, or sessions in which one waits',
} as const

export async function answerAll(
  references: readonly string[],
  reply: ApprovalReply,
  cli: Cli,
): Promise<number> {
  return await withClient(cli, async (client) => {
    const approvals: ApprovalInfo[] = []
    let exitCode: number = EXIT.ok
    for (const reference of references) {
      try {
        const answered = await answerOne(client, reference, reply)
        approvals.push(answered)
        if (!cli.output.json) cli.output.line(line(answered))
      } catch (thrown) {
        if (cli.interrupts.signal.aborted) throw thrown
        const code = reportFailure(thrown, cli.output, cli.globals.debug)
        exitCode = exitCode === EXIT.ok ? code : exitCode
      }
    }
    if (cli.output.json) cli.output.record({ approvals })
    return exitCode
  })
}

async function answerOne(
  client: Client,
  reference: string,
  reply: ApprovalReply,
): Promise<ApprovalInfo> {
  try {
    return await client.answer(reference, reply)
  } catch (thrown) {
    if (!hasCode(thrown, 'NO_SUCH_APPROVAL')) throw thrown
    return await client.answer(await onlyOneOf(client, reference, thrown), reply)
  }
}

/** The question that waits in this session. Throws what to type instead when there is not exactly one. */
async function onlyOneOf(client: Client, session: string, unknown: unknown): Promise<string> {
  const waiting = await client.approvals({ session }).catch((thrown: unknown) => {
    throw hasCode(thrown, 'NO_SUCH_SESSION') ? unknown : thrown
  })
  const [first] = waiting
  if (first && waiting.length === 1) return first.approval
  if (!first) {
    throw new UsageError(
      `nothing waits for an answer in session ${session}`,
      'See what waits elsewhere with `agentmq approvals`.',
    )
  }
  const ids = waiting.map(({ approval }) => shortId(approval)).join(' ')
  throw new UsageError(
    `${waiting.length} questions wait for an answer in session ${session}`,
    `Name those you mean: ${ids}`,
  )
}

function hasCode(thrown: unknown, code: ProtocolError['code']): boolean {
  return thrown instanceof ProtocolError && thrown.code === code
}

const REACHED: Readonly<Record<ApprovalInfo['state'], string>> = {
  pending: 'pending',
  answered: 'kept until its host is back',
  applied: 'the agent has the answer',
  expired: 'the agent has the answer',
  withdrawn: 'too late: the agent no longer asks',
}

function line(approval: ApprovalInfo): string {
  const { outcome, by = '', state } = approval
  const what = outcome === undefined ? '' : `${outcomeText({ outcome, by })}: `
  return `${shortId(approval.approval)}  ${what}${questionText(approval)} (${REACHED[state]})`
}
