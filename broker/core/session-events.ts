/** What `@events` says of a session. */
import { type EventOperation, event } from './events.ts'
import type { SessionRecord } from './sessions.ts'

export type SessionEventName =
  | 'created'
  | 'started'
  | 'status'
  | 'paused'
  | 'resumed'
  | 'annotated'
  | 'renamed'
  | 'removed'

export type SessionEventData = Readonly<Record<string, unknown>>

export function sessionEvent(
  session: string,
  name: SessionEventName,
  data: SessionEventData,
): EventOperation {
  return event({ topic: 'session', event: name, id: session, data })
}

/**
 * The event of a status that has not been told yet. What was told is part of the record, so that it falls
 * back with it when a write fails, and a later broker knows it too.
 */
export function statusEvent(record: SessionRecord): EventOperation[] {
  const { session, status, reason, told: previous } = record
  // After a restart every session is away, until its host says: that is told when it does not.
  if (status === previous || (status === 'lost' && reason === '')) return []
  record.told = status
  const data = {
    status,
    ...(previous !== undefined && { previous }),
    ...(reason !== '' && { reason }),
    ...(record.paused !== '' && { paused: record.paused }),
    ...(isOver(status) && { exit_code: record.exit_code, signal: record.signal }),
    turn: record.turn,
  }
  return [sessionEvent(session, 'status', data)]
}

function isOver(status: SessionRecord['status']): boolean {
  return status === 'ended' || status === 'failed'
}
