/** The one table of exit codes of `agentmq`, and which error ends with which. docs/cli.md shows it. */
import { type ErrorCode, ProtocolError } from '../../protocol/errors.ts'
import { UsageError } from './usage-error.ts'

export const EXIT_CODES = {
  OK: { code: 0, meaning: 'done' },
  FAILED: { code: 1, meaning: 'the agent, the turn or the request failed' },
  USAGE: { code: 2, meaning: 'wrong usage: unknown command or flag, bad value, bad config' },
  NOT_FOUND: {
    code: 3,
    meaning: 'no such session, host, task or key, or a reference that fits several',
  },
  UNREACHABLE: { code: 4, meaning: 'no broker answers, or no host can do it' },
  IN_USE: { code: 5, meaning: 'a socket, a directory or a port is in use by another process' },
  CONFLICT: { code: 6, meaning: 'not in this state: busy, full, ended, or the name is taken' },
  DENIED: { code: 7, meaning: 'not authenticated, or not allowed' },
  TIMEOUT: { code: 8, meaning: 'the deadline passed' },
  DAMAGED: { code: 9, meaning: 'the journal has damage, or the audit log is not what it was' },
  INTERRUPTED: { code: 130, meaning: 'interrupted: Ctrl-C, or the turn was interrupted' },
  TERMINATED: { code: 143, meaning: 'ended by SIGTERM' },
} as const satisfies Record<string, { readonly code: number; readonly meaning: string }>

export type ExitName = keyof typeof EXIT_CODES

export const EXIT = {
  ok: EXIT_CODES.OK.code,
  failed: EXIT_CODES.FAILED.code,
  usage: EXIT_CODES.USAGE.code,
  inUse: EXIT_CODES.IN_USE.code,
  damaged: EXIT_CODES.DAMAGED.code,
  interrupted: EXIT_CODES.INTERRUPTED.code,
  terminated: EXIT_CODES.TERMINATED.code,
} as const

const { FAILED, USAGE, NOT_FOUND, UNREACHABLE, IN_USE, CONFLICT, DENIED, TIMEOUT, INTERRUPTED } =
  EXIT_CODES

export const EXIT_OF_ERROR = {
  BAD_FRAME: FAILED.code,
  INVALID_MESSAGE: FAILED.code,
  TOO_LARGE: FAILED.code,
  UNSUPPORTED: FAILED.code,
  VERSION_MISMATCH: FAILED.code,
  NOT_WELCOME: FAILED.code,
  UNKNOWN_METHOD: FAILED.code,
  INVALID_PARAMS: USAGE.code,
  UNAUTHENTICATED: DENIED.code,
  FORBIDDEN: DENIED.code,
  FENCED: CONFLICT.code,
  NO_SUCH_SESSION: NOT_FOUND.code,
  AMBIGUOUS_SESSION: NOT_FOUND.code,
  NO_SUCH_STREAM: NOT_FOUND.code,
  NO_SUCH_HOST: NOT_FOUND.code,
  NO_HOST: UNREACHABLE.code,
  NO_BACKEND: UNREACHABLE.code,
  KEY_REVOKED: DENIED.code,
  KEY_NOT_APPROVED: DENIED.code,
  WRONG_BROKER_KEY: DENIED.code,
  CURVE_MISMATCH: USAGE.code,
  NO_SUCH_PRINCIPAL: NOT_FOUND.code,
  UNKNOWN_KEY: NOT_FOUND.code,
  AMBIGUOUS_KEY: NOT_FOUND.code,
  KEY_TAKEN: CONFLICT.code,
  WRONG_STEP: CONFLICT.code,
  AT_CAPACITY: CONFLICT.code,
  HOST_DRAINING: CONFLICT.code,
  HOST_LOST: UNREACHABLE.code,
  WRONG_STATE: CONFLICT.code,
  BUSY: CONFLICT.code,
  NOT_SUPPORTED: FAILED.code,
  MODE_REFUSED: FAILED.code,
  NAME_TAKEN: CONFLICT.code,
  HOST_TAKEN: DENIED.code,
  NO_SUCH_APPROVAL: NOT_FOUND.code,
  AMBIGUOUS_APPROVAL: NOT_FOUND.code,
  SETTLED: CONFLICT.code,
  NO_SUCH_TASK: NOT_FOUND.code,
  AMBIGUOUS_TASK: NOT_FOUND.code,
  NO_SUCH_KEY: NOT_FOUND.code,
  VERSION_CONFLICT: CONFLICT.code,
  LIMIT_REACHED: CONFLICT.code,
  OVERLOADED: CONFLICT.code,
  TOO_MANY_SESSIONS: CONFLICT.code,
  DEADLINE_EXCEEDED: TIMEOUT.code,
  CANCELLED: INTERRUPTED.code,
  CONFLICT: CONFLICT.code,
  BROKER_RESTARTED: FAILED.code,
  DRAINING: UNREACHABLE.code,
  STORAGE_FULL: FAILED.code,
  STORAGE_FAILED: FAILED.code,
  SEQUENCE_HOLE: FAILED.code,
  NO_SUCH_TICKET: NOT_FOUND.code,
  START_FAILED: FAILED.code,
  AGENT_GONE: FAILED.code,
  NOT_ALLOWED: DENIED.code,
  NO_SUCH_WORKFLOW: NOT_FOUND.code,
  TOO_MANY_WORKFLOWS: CONFLICT.code,
  TURN_FAILED: FAILED.code,
  UNREACHABLE: UNREACHABLE.code,
  CONNECTION_CLOSED: UNREACHABLE.code,
  BAD_CONFIG: USAGE.code,
  IN_USE: IN_USE.code,
  INTERNAL: FAILED.code,
} as const satisfies Record<ErrorCode, number>

/** The exit code for whatever a command threw. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof UsageError) return EXIT.usage
  if (thrown instanceof ProtocolError) return EXIT_OF_ERROR[thrown.code]
  return EXIT.failed
}
