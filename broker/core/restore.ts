/** Start of a broker on a journal that another run has written. */

import { ProtocolError } from '../../protocol/errors.ts'
import { sessionOfKey } from './approval-record.ts'
import { withdrawOrphans } from './approval-steps.ts'
import { type Asked, keyHash } from './audit/entry.ts'
import type { Core } from './core.ts'
import { restoreDamaged } from './damage.ts'
import { nextEpoch } from './epoch.ts'
import { isUnkeyed, type Outcome, partsOfKey } from './idempotency.ts'
import { drainedHosts } from './methods/host-drain.ts'
import { isLive, type SessionRecord } from './sessions.ts'

/** What records did not have in the beginning, with what it means that they do not. */
const LATER_FIELDS = { paused: '', recovery: 'manual', metadata: {} } as const
type End = Exclude<Outcome, { state: 'running' }>
type EarlierRecord = Omit<SessionRecord, keyof typeof LATER_FIELDS | 'last_pid'>

/** Loads what the journal holds and returns the epoch of this run. */
export function restore(core: Core): number {
  for (const { value } of core.journal.entries('sessions')) {
    const record = storedRecord(core, value)
    core.sessions.add(record)
    core.retention.restore(record.session, record.kept)
  }
  for (const host of drainedHosts(core)) core.hosts.draining.add(host)
  // The last run ended between the removal of a session and that of its questions.
  for (const { key } of core.journal.entries('approvals')) {
    const session = sessionOfKey(key)
    if (!core.sessions.get(session)) withdrawOrphans(core, session)
  }
  core.workflows.restore()
  restoreDamaged(core)
  const epoch = nextEpoch(core)
  const { software, instance } = core.ports.surroundings
  core.audit.note({ event: 'broker.started', target: instance, details: { epoch, software } })
  endInterrupted(core)
  core.tell({ topic: 'system', event: 'started', id: instance, data: { epoch, software } })
  return epoch
}

/**
 * A session as it is on disk. The stream says nothing of a host that has not reported: it may be back in
 * an instant. What was told before stays told.
 */
export function storedRecord(core: Core, value: unknown): SessionRecord {
  const earlier = value as EarlierRecord
  // Of what changed before there were events, nobody waits to hear.
  const later = { ...LATER_FIELDS, last_pid: earlier.pid, told: earlier.status }
  const record: SessionRecord = { ...later, ...earlier }
  const isHere = core.hosts.get(record.host)?.connection !== undefined
  const isUnreported = isLive(record) && record.status !== 'lost' && !isHere
  return isUnreported ? { ...record, status: 'lost', reason: '' } : record
}

/** Calls that were under way when the last run ended: what became of them is not known. */
function endInterrupted(core: Core): void {
  for (const { key } of core.journal.entries('idempotency')) {
    const record = core.idempotency.get(key)
    if (record?.outcome.state !== 'running') continue
    const { method } = record
    const { standing } = record.outcome
    const asked = { ...askedUnder(key, method), ...record.outcome.asked }
    const outcome: End = standing
      ? { state: 'replied', body: standing }
      : { state: 'failed', error: restarted(method).toWire() }
    const ended = { ...record, outcome }
    const operation = isUnkeyed(key)
      ? core.idempotency.delete(key)
      : core.idempotency.set(key, ended)
    core.audit.ended(
      asked,
      outcome,
      () => [operation],
      () => {},
    )
  }
}

/** What the record of an idempotency key tells of the call by itself. */
function askedUnder(fullKey: string, method: string): Asked {
  const { principal, key } = partsOfKey(fullKey)
  return { principal, method, ...(key !== '' && { key: keyHash(key) }) }
}

function restarted(method: string): ProtocolError {
  return new ProtocolError('BROKER_RESTARTED', { method }, { executed: 'unknown' })
}
