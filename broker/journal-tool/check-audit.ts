/** Checks the hash chain of the audit log as it lies in a journal: page by page, in the reading process. */
import { AuditCheck } from '../../protocol/audit-chain.ts'
import { auditReport } from '../../protocol/audit-report.ts'
import { recordOf } from '../core/audit/record.ts'
import { AUDIT } from '../core/events.ts'
import { MAX_SEQUENCE } from '../journal/keys.ts'
import { collect } from '../journal/range.ts'
import { WHOLE } from '../journal/streams.ts'
import { boundsOf } from './chunk-survey.ts'
import { sourceOf } from './export-chunks.ts'
import type { AuditJob } from './jobs.ts'
import type { JournalFile } from './journal-file.ts'
import type { Tell } from './survey-table.ts'

/** Records that are read from one snapshot. */
const PAGE = { maxCount: 1000, maxBytes: 1024 * 1024 }

export async function checkAudit(
  file: JournalFile,
  { expected }: AuditJob,
  tell: Tell,
): Promise<void> {
  tell({ kind: 'at', table: 'chunks', key: '' })
  const stream = { session: AUDIT, ...(boundsOf(file).get(AUDIT) ?? WHOLE) }
  const check = new AuditCheck(expected)
  let from = 1
  for (;;) {
    tell({ kind: 'at', table: 'chunks', key: `${AUDIT} ${from}` })
    const page = collect(sourceOf(file, stream), { from, to: MAX_SEQUENCE - 1, ...PAGE })
    if (page.next === from) break
    take(check, page)
    from = page.next
    await new Promise(setImmediate) // ends the snapshot
  }
  check.end()
  tell({ kind: 'audit', report: auditReport(check) })
}

function take(check: AuditCheck, { chunks, gaps }: ReturnType<typeof collect>): void {
  const found = [
    ...chunks.map((chunk) => ({ at: chunk.sequence, chunk })),
    ...gaps.map((gap) => ({ at: gap.from, gap })),
  ]
  found.sort((a, b) => a.at - b.at)
  for (const item of found) {
    if ('gap' in item) check.gap(item.gap)
    else check.record(recordOf(item.chunk), item.at)
  }
}
