/**
 * What the broker makes of records that are damaged when it starts. Nothing is guessed: a session without
 * its record is not served, and a key without its record is one whose request may have been done.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import { TABLES } from '../journal/journal.ts'
import type { Core } from './core.ts'

/** Keys that one line of the log names. */
const MAX_NAMED = 20

export function restoreDamaged(core: Core): void {
  for (const table of TABLES) {
    const keys = core.journal.damaged(table)
    if (keys.length === 0) continue
    const named = keys.slice(0, MAX_NAMED)
    core.ports.log('records of the journal are damaged', { table, count: keys.length, keys: named })
  }
  // Their chunks stay as they are, for `agentmq journal export`.
  for (const session of core.journal.damaged('sessions')) core.sessions.addDamaged(session)
  restoreKeys(core)
}

/** A repeat gets an error in place of a second execution. Written back, so that it ages as others do. */
function restoreKeys({ journal, idempotency, batch, clock }: Core): void {
  const keys = journal.damaged('idempotency')
  if (keys.length === 0) return
  const reason = 'the record of this idempotency key is damaged'
  const error = new ProtocolError('STORAGE_FAILED', { reason }, { executed: 'unknown' }).toWire()
  // Behind all others: the oldest come first.
  const at = Math.max(clock.wall(), idempotency.newestAt)
  const outcome = { state: 'failed', error } as const
  const operations = keys.map((key) => idempotency.set(key, { method: '', hash: '', at, outcome }))
  batch.add(operations, () => {})
}
