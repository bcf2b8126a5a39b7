/** The audit log after a run: one chain through all lives of the broker, with a record of each call that was done. */
import { hash } from 'node:crypto'
import { auditItems, type Client } from '../../clients/sdk/index.ts'
import { AuditCheck } from '../../protocol/audit-chain.ts'
import type { CallHistory, Violation } from './history.ts'

export async function checkAudit(
  driver: Client,
  calls: Iterable<CallHistory>,
): Promise<Violation[]> {
  const check = new AuditCheck()
  /** Keys of calls that were done, or may have been. */
  const told = new Set<string>()
  for await (const page of driver.auditPages()) {
    for (const item of auditItems(page)) {
      if ('type' in item) {
        check.gap(item)
        continue
      }
      check.record(item, item.seq)
      if (item.key !== undefined && item.executed !== 'no') told.add(item.key)
    }
  }
  check.end()
  const where = 'audit log'
  const broken = check.breaks.map(({ seq, what }) => ({
    ...{ rule: 'the chain of the audit log is intact', where },
    detail: `${seq}: ${what}`,
  }))
  const missing = [...calls].filter((call) => isOwed(call) && !told.has(keyHash(call.key)))
  return [
    ...broken,
    ...missing.map(({ call, method, key }) => ({
      ...{ rule: 'every call that was done is in the audit log', where },
      detail: `${method} ${call}, key ${key}`,
    })),
  ]
}

/** It was replied, or it was accepted and nobody said that it was not done. */
function isOwed({ key, isAccepted, reply, error }: CallHistory): boolean {
  if (key === '') return false
  return reply !== undefined || (isAccepted && error?.executed !== 'no')
}

function keyHash(key: string): string {
  return hash('sha256', key, 'base64url')
}
