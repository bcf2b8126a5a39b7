/** A session as callers see it. */
import type { SessionInfo } from '../../protocol/methods/types.ts'
import type { Core } from './core.ts'
import type { SessionRecord } from './sessions.ts'

export function infoOf(
  { approvals, clock, streams, usage }: Core,
  record: SessionRecord,
  head = streams.durableOf(record.session),
): SessionInfo {
  const used = record.pid === null ? undefined : usage.of(record, clock.now())
  return {
    session: record.session,
    name: record.name,
    backend: record.start.backend,
    host: record.host,
    status: record.status,
    reason: record.reason,
    paused: record.paused,
    epoch: record.epoch,
    turn: record.turn,
    pending_turns: record.open.length,
    pending_approvals: approvals.pendingCount(record.session),
    head,
    created_at: record.created_at,
    changed_at: record.changed_at,
    cwd: record.cwd,
    model: record.start.model ?? '',
    owner: record.owner,
    pid: record.pid,
    last_pid: record.last_pid,
    metadata: record.metadata,
    exit_code: record.exit_code,
    signal: record.signal,
    native_session_id: record.native_session_id,
    ...(used && { usage: used }),
  }
}
