/** `agentmq audit`: reads the audit log, and checks its chain of hashes on this side of the wire. */
import type { Argv } from 'yargs'
import type { AuditFilter } from '../../../protocol/audit-filter.ts'
import type { AuditRecord, Client, Gap } from '../../sdk/index.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { runPart } from '../parts.ts'
import { pointInTime } from '../point-in-time.ts'
import { auditGapLine, auditLine } from '../render/audit-lines.ts'
import { UsageError } from '../usage-error.ts'

const VERBS = ['read', 'verify'] as const
const AUDIT = '@audit'

const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('verb', { choices: VERBS, demandOption: true, describe: 'What to do' })
    .option('follow', {
      alias: 'f',
      type: 'boolean',
      default: false,
      describe: 'With read: go on with what comes',
    })
    .option('principal', text('With read: only what this principal did, itself or by a gateway'))
    .option('method', text('With read: only this method; `session.` = all that begin so'))
    .option(
      'session',
      text('With read: only what is about this session; one that is gone by its id'),
    )
    .option('since', text('With read: only from this time on: 2h ago, or 2026-01-31T12:00Z'))
    .option('from', {
      type: 'number',
      requiresArg: true,
      describe: 'Number of the first record; default: the first one that is kept',
    })
    .option('expect', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'With verify: SEQ:HASH that was kept elsewhere has to be part of it (repeatable)',
    })
    .option(
      'journal-dir',
      text('With verify: of the journal in this directory, without its broker'),
    )
    .check(({ from = 1 }) => (Number.isSafeInteger(from) && from >= 1) || '--from counts from 1')

type Args = ArgsOf<typeof builder>

const OF_READ = ['follow', 'principal', 'method', 'session', 'since'] as const
const OF_VERIFY = ['expect', 'journal-dir'] as const

export async function handler(args: Args, cli: Cli): Promise<number> {
  checkFlags(args)
  if (args.verb === 'read') return await withClient(cli, (client) => read(client, args, cli))
  const directory = args['journal-dir']
  if (directory !== undefined) return await runPart('journal', journalArguments(directory, args))
  return await withClient(cli, (client) => verify(client, args, cli))
}

function checkFlags(args: Args): void {
  const foreign = args.verb === 'read' ? OF_VERIFY : OF_READ
  const given = foreign.find((flag) => args[flag] !== undefined && args[flag] !== false)
  if (given !== undefined) throw new UsageError(`--${given} does not belong to ${args.verb}`)
  if (args['journal-dir'] !== undefined && args.from !== undefined)
    throw new UsageError('--from and --journal-dir do not go together')
}

/** The part that reads journals checks the whole log, and ends with the same exit codes. */
function journalArguments(directory: string, { expect = [], json }: Args): string[] {
  const expected = expect.flatMap((head) => ['--expect', head])
  return ['audit', '--journal-dir', directory, ...expected, ...(json ? ['--json'] : [])]
}

async function read(client: Client, args: Args, cli: Cli): Promise<number> {
  const { signal } = cli
  const filter = await filterOf(client, args, cli)
  const { fits, isInTime } = await import('../../../protocol/audit-filter.ts')
  const { auditItems } = await import('../../sdk/audit.ts')
  let next = args.from ?? 1
  for await (const page of client.auditPages({ ...present(filter), from: next, signal })) {
    for (const item of auditItems(page)) {
      if ('type' in item) showGap(item, cli)
      else show(item, cli)
    }
    await cli.output.drained()
    next = page.next
  }
  if (!args.follow) return EXIT.ok
  for await (const item of client.follow(AUDIT, { from: next, signal })) {
    if (item.type === 'gap') showGap(item, cli)
    if (item.type !== 'audit') continue
    const { type: _, turn: __, ...record } = item
    if (fits(filter, record) && isInTime(filter, record.time)) show(record, cli)
    await cli.output.drained()
  }
  return EXIT.ok
}

async function filterOf(client: Client, args: Args, { signal }: Cli): Promise<AuditFilter> {
  const { principal, method, session, since } = args
  return {
    principal,
    method,
    session: session === undefined ? undefined : await sessionId(client, session, signal),
    since: since === undefined ? undefined : pointInTime('since', since, Date.now()),
  }
}

/** A session that is gone is known by its id alone. */
async function sessionId(client: Client, reference: string, signal: AbortSignal): Promise<string> {
  try {
    return (await client.call('session.get', { session: reference }, { signal })).session
  } catch (thrown) {
    const { ProtocolError } = await import('../../sdk/index.ts')
    if (thrown instanceof ProtocolError && thrown.code === 'NO_SUCH_SESSION') return reference
    throw thrown
  }
}

function present({ principal, method, session, since }: AuditFilter) {
  return {
    ...(principal !== undefined && { principal }),
    ...(method !== undefined && { method }),
    ...(session !== undefined && { session }),
    ...(since !== undefined && { since }),
  }
}

function show(record: AuditRecord, { output }: Cli): void {
  const { seq, time, ...rest } = record
  if (output.json) output.record({ seq, time, ...rest })
  else output.line(auditLine(record, output.style))
}

function showGap(gap: Gap, { output }: Cli): void {
  if (output.json) output.record(gap)
  else output.line(auditGapLine(gap, output.style))
}

async function verify(client: Client, args: Args, { output, signal }: Cli): Promise<number> {
  const { auditItems } = await import('../../sdk/audit.ts')
  const { AuditCheck } = await import('../../../protocol/audit-chain.ts')
  const { auditReport, auditText, parseHead } = await import('../../../protocol/audit-report.ts')
  const check = new AuditCheck((args.expect ?? []).map(parseHead))
  for await (const page of client.auditPages({ from: args.from ?? 1, signal })) {
    for (const item of auditItems(page)) {
      if ('type' in item) check.gap(item)
      else check.record(item, item.seq)
    }
  }
  check.end()
  const report = auditReport(check)
  if (output.json) output.record(report)
  else output.write(auditText(report))
  return report.intact ? EXIT.ok : EXIT.damaged
}
