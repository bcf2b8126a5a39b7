/** What the status of an agent is called on HTTP and on the Unix socket. */
import type { SessionInfo } from '../../sdk/index.ts'
import { statusOf } from '../agents/agent.ts'
import type { AgentStatus } from '../rep/layouts.ts'

/** The five of HTTP; clients refuse a list with any other. */
export type HttpStatus = 'running' | 'paused' | 'stopped' | 'failed' | 'terminated'

const HTTP_STATUSES: Readonly<Record<AgentStatus, HttpStatus>> = {
  idle: 'running',
  initializing: 'running',
  running: 'running',
  thinking: 'running',
  paused: 'paused',
  completed: 'stopped',
  failed: 'failed',
  terminated: 'terminated',
}

export function httpStatus(session: SessionInfo): HttpStatus {
  return HTTP_STATUSES[statusOf(session)]
}

/** As the Unix socket writes it: the name that Rust's debug format has. */
export function debugStatus(session: SessionInfo): string {
  const status = statusOf(session)
  return `${status.charAt(0).toUpperCase()}${status.slice(1)}`
}
