/** Takes a session away altogether: its record, its stream, and the readers of it. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { JournalOperation } from '../journal/journal.ts'
import { dropApproval } from './approval-record.ts'
import { withdrawOrphans } from './approval-steps.ts'
import type { Core } from './core.ts'
import { storedRecord } from './restore.ts'
import { sessionEvent } from './session-events.ts'
import type { SessionRecord } from './sessions.ts'

/**
 * From now on nobody finds it. `done` runs when it is gone from the disk as well; with an error it is
 * back as it was.
 */
export function removeSession(
  core: Core,
  record: SessionRecord,
  done: (error: Error | undefined) => void,
): void {
  const { session, name, status, open } = record
  core.appends.flush() // chunks that were numbered before are written before
  core.sessions.delete(session)
  // For work that is under way and still holds the record: there is nothing to do.
  Object.assign(record, { status: 'failed', open: [] })
  const approvals = core.approvals.removable(session)
  const operations: JournalOperation[] = [
    { op: 'drop', session },
    { op: 'delete', table: 'sessions', key: session },
    ...approvals.map(dropApproval),
  ]
  core.batch.free(operations, (error) => {
    if (error) {
      // A change that was on its way when it went may have failed as well.
      const stored = core.journal.get('sessions', session)
      Object.assign(record, { status, open }, stored && storedRecord(core, stored))
      core.sessions.add(record)
    } else {
      core.ports.log('session removed', { session, name, status })
      // Behind the removal, which has to succeed on a full disk too.
      core.batch.add([sessionEvent(session, 'removed', { name })], () => {})
      core.retention.forget(session)
      core.approvals.forget(approvals)
      withdrawOrphans(core, session)
      core.streams.end(session, new ProtocolError('NO_SUCH_SESSION', { session }))
      core.tickets.sessionEnded(session)
    }
    done(error)
  })
}
