/** Metrics of the journal, of sessions and hosts, and of the process. */

import { TASK_STATUSES } from '../../protocol/methods/task.ts'
import { HOST_STATUSES, SESSION_STATUSES } from '../../protocol/methods/types.ts'
import { statusOf } from '../core/hosts.ts'
import {
  countsOf,
  distribution,
  each,
  type Metric,
  type Sample,
  single,
  type View,
} from './metric.ts'

export const STATE_METRICS = {
  agentmq_journal_commit_duration_seconds: distribution(
    'Time from giving a group of operations to the journal until it is on disk.',
    ({ core }) => core.tally.commitSeconds,
  ),
  agentmq_journal_commit_operations: distribution(
    'Operations in one such group.',
    ({ core }) => core.tally.commitOperations,
  ),
  agentmq_journal_failures_total: single(
    'counter',
    'Groups that could not be stored.',
    ({ core }) => core.tally.failedCommits,
  ),
  agentmq_journal_bytes: single(
    'gauge',
    'What the records of the journal take on disk.',
    ({ core }) => core.journal.stats().bytes,
  ),
  agentmq_journal_corrupt_total: single(
    'counter',
    'Records that failed their checksum when they were read; one that is read twice counts twice.',
    ({ core }) => core.journal.stats().corrupt,
  ),
  agentmq_sessions: {
    type: 'gauge',
    help: 'Sessions that the broker knows, by status.',
    labels: ['status'],
    read: sessions,
  },
  agentmq_hosts: {
    type: 'gauge',
    help: 'Hosts that the broker knows, by status: online, silent (connected, but not answering) or offline.',
    labels: ['status'],
    read: hosts,
  },
  agentmq_tasks: {
    type: 'gauge',
    help: 'Tasks that are kept, by status.',
    labels: ['status'],
    read: ({ core }) => each('status', TASK_STATUSES, countsOf(core.tasks.statuses())),
  },
  agentmq_tasks_bytes: single(
    'gauge',
    'What counts of them towards their limit.',
    ({ core }) => core.tasks.bytes,
  ),
  agentmq_state_keys: single('gauge', 'Keys of the state.', ({ core }) => core.state.size),
  agentmq_state_bytes: single(
    'gauge',
    'Their bytes and those of their values, as they count towards the limit.',
    ({ core }) => core.state.bytes,
  ),
  agentmq_events: single(
    'gauge',
    'Events of @events that are kept.',
    ({ core }) => core.events.kept,
  ),
  agentmq_audit_records: single(
    'gauge',
    'Records of the audit log that are kept.',
    ({ core }) => core.events.keptAudit,
  ),
  agentmq_audit_bytes: single(
    'gauge',
    'What they take, as far as it is counted.',
    ({ core }) => core.events.keptAuditBytes,
  ),
  agentmq_audit_records_total: single(
    'counter',
    'Records written to the audit log.',
    ({ core }) => core.audit.written,
  ),
  agentmq_audit_refusals_counted_total: single(
    'counter',
    'Refused requests that have no record of their own, because others of their kind came just before.',
    ({ core }) => core.audit.counted,
  ),
  agentmq_audit_waiting: single(
    'gauge',
    'Records that wait for room on the disk.',
    ({ core }) => core.audit.waiting,
  ),
  agentmq_audit_lost_total: single(
    'counter',
    'Records that found no room, not even to wait.',
    ({ core }) => core.audit.lost,
  ),
  agentmq_loop_lag_seconds: single(
    'gauge',
    'Worst delay of the event loop in the last 5 to 10 s.',
    ({ core }) => core.ports.surroundings.loopLagMs() / 1000,
  ),
  agentmq_resident_memory_bytes: single('gauge', 'Memory of the process.', ({ core }) =>
    core.ports.surroundings.rssBytes(),
  ),
  agentmq_start_time_seconds: single(
    'gauge',
    'When the broker started, seconds since 1970.',
    ({ core }) => core.startedAt / 1000,
  ),
} as const satisfies Record<string, Metric>

function* statuses({ core }: View) {
  for (const { status } of core.sessions.all()) yield status
}

function sessions(view: View): Sample[] {
  return each('status', SESSION_STATUSES, countsOf(statuses(view)))
}

function hosts({ core }: View): Sample[] {
  const found = [...core.hosts.all()].map((host) =>
    statusOf(host, host.connection === undefined ? undefined : core.ports.link(host.connection)),
  )
  return each('status', HOST_STATUSES, countsOf(found))
}
