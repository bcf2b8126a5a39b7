/** What has to hold of the audit log: one chain, and of each call that was done one record, whatever befell. */

import { keyHash } from '../../broker/core/audit/entry.ts'
import { recordOf } from '../../broker/core/audit/record.ts'
import { AUDIT } from '../../broker/core/events.ts'
import { AuditCheck } from '../../protocol/audit-chain.ts'
import { type AuditRecord, DONE } from '../../protocol/messages/audit.ts'
import { METHODS } from '../../protocol/methods/index.ts'
import type { World } from './world.ts'

export function checkAudit(world: World): void {
  const chunks = world.ledger.of(AUDIT)
  const check = new AuditCheck()
  const byKey = new Map<string, AuditRecord[]>()
  for (const chunk of chunks) {
    const record = recordOf(chunk)
    check.record(record, chunk.sequence)
    if (record?.key === undefined) continue
    byKey.set(record.key, [...(byKey.get(record.key) ?? []), record])
  }
  const { violations } = world
  violations.check(check.isIntact, () => `the audit log is broken: ${JSON.stringify(check.breaks)}`)
  for (const [key, records] of byKey) {
    // A prompt whose session could not be started is told as unknown, and its key is free.
    const done = records.filter(({ outcome }) => outcome === DONE || outcome === 'BROKER_RESTARTED')
    violations.check(
      done.length <= 1,
      () => `${done[0]?.method} ${key} has ${done.length} records: ${JSON.stringify(done)}`,
    )
  }
  checkCalls(world, byKey)
}

function checkCalls({ history, violations }: World, byKey: Map<string, AuditRecord[]>): void {
  for (const { key, method, accepted, result, error } of history.calls) {
    if (!METHODS[method].mutating) continue
    const records = byKey.get(keyHash(key)) ?? []
    if (result !== undefined) {
      const isTold = records.some(({ executed }) => executed !== 'no')
      violations.check(isTold, () => `${method} ${key} was replied and is not in the audit log`)
    } else if (accepted && error?.executed !== 'no') {
      violations.check(
        records.length > 0,
        () => `${method} ${key} was accepted and is not in the audit log`,
      )
    }
  }
}
