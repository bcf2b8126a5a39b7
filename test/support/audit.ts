/** What the audit log of a broker under test says. */
import { recordOf } from '../../broker/core/audit/record.ts'
import { AUDIT } from '../../broker/core/events.ts'
import { auditItems, type Client } from '../../clients/sdk/index.ts'
import { AuditCheck, type AuditHead } from '../../protocol/audit-chain.ts'
import type { AuditRecord } from '../../protocol/messages/audit.ts'
import type { CoreHarness } from './core-harness.ts'

/** The records on disk, oldest first. Throws when their chain is not intact. */
export function auditOf(harness: CoreHarness): AuditRecord[] {
  const chunks = harness.stored(AUDIT)
  const records = chunks.flatMap((chunk) => recordOf(chunk) ?? [])
  const { breaks } = checked(records)
  if (records.length === chunks.length && breaks.length === 0) return records
  throw new Error(`the audit log is broken: ${JSON.stringify(breaks)}`)
}

export function checked(
  records: readonly AuditRecord[],
  expected: readonly AuditHead[] = [],
): AuditCheck {
  const check = new AuditCheck(expected)
  for (const record of records) check.record(record, record.seq)
  check.end()
  return check
}

/** Those of calls and refusals, without what the broker says of itself. */
export function callsOf(harness: CoreHarness): AuditRecord[] {
  return auditOf(harness).filter(({ method }) => !method.startsWith('broker.'))
}

/** As words: `state.set done`. */
export function told(harness: CoreHarness): string[] {
  return callsOf(harness).map(({ method, outcome }) => `${method} ${outcome}`)
}

/** All that a running broker has, oldest first. */
export async function recordsOf(client: Client): Promise<AuditRecord[]> {
  const records: AuditRecord[] = []
  for await (const page of client.auditPages()) {
    for (const item of auditItems(page)) {
      if ('type' in item) throw new Error(`a gap at ${item.from}`)
      records.push(item)
    }
  }
  return records
}
