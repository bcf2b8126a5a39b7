/** `agentmq journal audit`: whether the audit log of a journal is what was written, without its broker. */
import type { AuditHead } from '../../protocol/audit-chain.ts'
import { type AuditReport, auditText } from '../../protocol/audit-report.ts'
import { deathText, read } from './reading.ts'
import { EXIT_DAMAGED, type Verdict } from './verify.ts'

export async function verifyAudit(path: string, expected: readonly AuditHead[]): Promise<Verdict> {
  let report: AuditReport | undefined
  const death = await read({ verb: 'audit', path, expected }, (line) => {
    if (line.kind === 'audit') report = line.report
  })
  const found =
    report ?? cutShort(death ? deathText(death) : 'the reading told nothing', death?.at?.key)
  return { exitCode: found.intact ? 0 : EXIT_DAMAGED, text: auditText(found), json: found }
}

/** The page on which the reading died; what is behind it was not looked at. */
function cutShort(what: string, key = ''): AuditReport {
  const seq = Math.max(1, Number(key.split(' ')[1] ?? 1))
  const breaks = [{ seq, what }]
  return {
    intact: false,
    records: 0,
    first: null,
    last: null,
    anchor: null,
    break_count: 1,
    breaks,
  }
}
