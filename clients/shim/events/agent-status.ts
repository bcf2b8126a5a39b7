/** The status of a session in the words of the old agent events. */
import type { SessionStatus } from '../../sdk/index.ts'

export type AgentStatus =
  | 'idle'
  | 'initializing'
  | 'running'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'terminated'

const WORDS: Readonly<Record<Exclude<SessionStatus, 'ended'>, AgentStatus>> = {
  created: 'idle',
  starting: 'initializing',
  idle: 'running',
  running: 'running',
  stopping: 'running',
  lost: 'failed',
  failed: 'failed',
}

/** `exit_code`: of a process that ended by itself. */
export function agentStatus(
  status: SessionStatus,
  paused: boolean,
  exit_code: number | null,
): AgentStatus {
  if (status === 'ended') return exit_code === 0 ? 'completed' : 'terminated'
  const word = WORDS[status]
  return word === 'running' && paused ? 'paused' : word
}
