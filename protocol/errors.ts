/**
 * The one table of errors. Every failure that leaves a part, on the wire or on a terminal, carries
 * a code from here; nobody matches on text. docs/errors.md is generated from this table.
 */

/** Whether the work behind a failed request was done. `unknown` is never retried blindly. */
export type Executed = 'no' | 'yes' | 'unknown'

/** The part that noticed the failure. */
export type Where = 'client' | 'broker' | 'host' | 'cli'

interface ErrorRow {
  /** What went wrong, with `{placeholders}` that the error's details fill. */
  readonly message: string
  /** What the reader can do next; placeholders as in the message. */
  readonly advice: string
  /** JSON-RPC 2.0 error code for the doors that speak it. */
  readonly jsonRpc: number
  /** HTTP status for the doors that speak it. */
  readonly http: number
  /** May the same request, with the same idempotency key, succeed later without a change? */
  readonly retryable: boolean
}

const row = (
  message: string,
  advice: string,
  jsonRpc: number,
  http: number,
  retryable: boolean,
): ErrorRow => ({ message, advice, jsonRpc, http, retryable })

export const ERRORS = {
  // protocol
  BAD_FRAME: row(
    'malformed frame: {reason}',
    'Send two frames as docs/protocol.md section 1 describes.',
    -32700,
    400,
    false,
  ),
  INVALID_MESSAGE: row('invalid {what}: {reason}', 'Correct the named field.', -32602, 400, false),
  TOO_LARGE: row(
    '{what} is too large: {size} exceeds the limit of {limit}',
    'Send less at once, or raise the limit in the config.',
    -32600,
    413,
    false,
  ),
  UNSUPPORTED: row(
    'message kind {kind} is not understood here',
    'Update the older side, or use a feature that both sides have.',
    -32601,
    501,
    false,
  ),
  VERSION_MISMATCH: row(
    'protocol {theirs} cannot talk to protocol {ours}',
    'Install the same major version of agentmq on both sides.',
    -32600,
    426,
    false,
  ),
  NOT_WELCOME: row(
    'this connection has not completed its handshake',
    'Send HELLO first; after a broker restart, send it again.',
    -32000,
    401,
    true,
  ),
  UNKNOWN_METHOD: row(
    'there is no method {method}',
    'See the method table in docs/protocol.md.',
    -32601,
    404,
    false,
  ),
  INVALID_PARAMS: row('{method}: {reason}', 'Correct the named parameter.', -32602, 400, false),
  // identity
  UNAUTHENTICATED: row(
    'the handshake proof for principal {principal} is not valid',
    'Check the key of this context, or have it approved on the broker.',
    -32001,
    401,
    false,
  ),
  FORBIDDEN: row(
    '{principal} lacks the scope {scope} for {method}',
    'Use a principal with a role that has this scope.',
    -32003,
    403,
    false,
  ),
  FENCED: row(
    'epoch {epoch} of session {session} is over; {current} is current',
    'Stop this copy of the session: another lease holds it.',
    -32010,
    409,
    false,
  ),
  KEY_REVOKED: row(
    'the key {key} was revoked',
    'It stays so: move the key file away (`agentmq keys show` says where it is), start again, and have the new key approved.',
    -32001,
    401,
    false,
  ),
  KEY_NOT_APPROVED: row(
    'the key of this machine, {key}, is not approved at {endpoint}',
    "On the broker's machine say `agentmq keys approve {key} --as NAME --role operator` (`--role host` for a host), then try again.",
    -32001,
    401,
    true,
  ),
  WRONG_BROKER_KEY: row(
    'the broker at {endpoint} does not have the key that is expected of it, {key}',
    'Compare it with `agentmq keys list` on its machine, and correct the context or --broker-key; if nobody changed it, somebody else listens there.',
    -32001,
    401,
    false,
  ),
  CURVE_MISMATCH: row(
    '{endpoint} {problem}',
    'Name the key of the broker with --broker-key (`agentmq keys export-context` on its machine prints it), or none for an endpoint of --insecure-loopback.',
    -32001,
    401,
    false,
  ),
  NO_SUCH_PRINCIPAL: row(
    'there is no principal {principal}',
    'List them with `agentmq keys list`.',
    -32004,
    404,
    false,
  ),
  UNKNOWN_KEY: row(
    'no key is known as {key}',
    'See `agentmq keys pending` and `agentmq keys list`; keys that have not knocked are added whole.',
    -32004,
    404,
    false,
  ),
  AMBIGUOUS_KEY: row(
    '{key} matches {count} keys',
    'Give more of the fingerprint, or the whole key.',
    -32004,
    409,
    false,
  ),
  KEY_TAKEN: row(
    'the key {key} belongs to {principal} already',
    'Use a key of its own for each principal.',
    -32018,
    409,
    false,
  ),
  WRONG_STEP: row(
    'the key of the broker cannot be changed so: {reason}',
    'See `agentmq keys list` for the keys that it has.',
    -32019,
    409,
    false,
  ),
  // routing
  NO_SUCH_SESSION: row(
    'there is no session {session}',
    'List the sessions with `agentmq ps --all`.',
    -32004,
    404,
    false,
  ),
  AMBIGUOUS_SESSION: row(
    '{session} matches {count} sessions',
    'Give more characters of the id, or the full id.',
    -32004,
    409,
    false,
  ),
  NO_SUCH_STREAM: row(
    'there is no stream {stream}',
    'Streams of the broker begin with @: `@events`, and `@workflow/` with the id of an execution.',
    -32004,
    404,
    false,
  ),
  NO_SUCH_HOST: row(
    'there is no host {host}',
    'List the hosts with `agentmq hosts`.',
    -32004,
    404,
    false,
  ),
  NO_HOST: row(
    'no connected host fits: {reason}',
    'Start one with `agentmq host`, or relax the host or label you asked for.',
    -32005,
    503,
    true,
  ),
  NO_BACKEND: row(
    'no connected host offers the backend {backend}: {reason}',
    'Install that CLI on a host, or choose one that `agentmq hosts` lists.',
    -32005,
    503,
    true,
  ),
  AT_CAPACITY: row(
    'all {slots} slots of the hosts that fit are taken',
    'Stop a session, or raise --slots on a host.',
    -32006,
    503,
    true,
  ),
  HOST_DRAINING: row(
    'host {host} is being drained and takes no new session',
    'Choose another host, or let it take sessions again with `agentmq undrain`.',
    -32008,
    503,
    true,
  ),
  HOST_LOST: row(
    'host {host} is not connected',
    'Wait for it to come back, or start it again with `agentmq host`.',
    -32007,
    503,
    true,
  ),
  // session
  WRONG_STATE: row(
    'session {session} is {status}: cannot {action}',
    'Look at it with `agentmq ps`; create or recover a session that can.',
    -32011,
    409,
    false,
  ),
  BUSY: row(
    'session {session} is busy with turn {turn}',
    'Wait for the turn to end, interrupt it, or let the prompt queue.',
    -32012,
    409,
    true,
  ),
  NOT_SUPPORTED: row(
    'the backend {backend} cannot {action}',
    'See what each backend can do with `agentmq hosts --backends`.',
    -32014,
    501,
    false,
  ),
  MODE_REFUSED: row(
    '{backend} does not take the mode {mode}: {reason}',
    'Use a mode that this CLI has.',
    -32015,
    422,
    false,
  ),
  NAME_TAKEN: row(
    'the name {name} is taken by session {session}',
    'Choose another name, or stop that session.',
    -32013,
    409,
    false,
  ),
  HOST_TAKEN: row(
    '{what} belongs to another principal',
    'Give this host another name (`--name`), and with it an id of its own; or use the key it registered with first.',
    -32044,
    403,
    false,
  ),
  // approvals
  NO_SUCH_APPROVAL: row(
    'there is no approval {approval}',
    'List those that wait with `agentmq approvals`.',
    -32004,
    404,
    false,
  ),
  AMBIGUOUS_APPROVAL: row(
    '{approval} matches {count} approvals',
    'Give more characters of the id, or the full id.',
    -32004,
    409,
    false,
  ),
  SETTLED: row(
    'approval {approval} is settled already: {decision} by {by}',
    'Nothing: the first answer counts. Its time is in `when`, ms since 1970.',
    -32016,
    409,
    false,
  ),
  // tasks and state
  NO_SUCH_TASK: row(
    'there is no task {task}',
    'List the tasks with `agentmq tasks list`.',
    -32004,
    404,
    false,
  ),
  AMBIGUOUS_TASK: row(
    '{task} matches {count} tasks',
    'Give more characters of the id, or the full id.',
    -32004,
    409,
    false,
  ),
  NO_SUCH_KEY: row(
    'there is no key {key}',
    'List the keys with `agentmq state list`.',
    -32004,
    404,
    false,
  ),
  VERSION_CONFLICT: row(
    '{key} has version {version}, not {expected}',
    'Somebody else has changed it: read it again, and decide anew.',
    -32017,
    409,
    false,
  ),
  LIMIT_REACHED: row(
    '{what} has no room: {limit} at most',
    'Remove what is not needed any more.',
    -32027,
    507,
    false,
  ),
  // load and time
  OVERLOADED: row(
    '{what} is full: {limit} allowed',
    'Wait and try again; the SDK does so by itself.',
    -32020,
    429,
    true,
  ),
  TOO_MANY_SESSIONS: row(
    'the broker keeps {limit} sessions already, ended ones included',
    'Remove ended ones with `agentmq remove --all-ended`, or lower `retain_ended_days`.',
    -32026,
    507,
    false,
  ),
  DEADLINE_EXCEEDED: row(
    'the deadline passed in the {where}',
    'Give more time, or look whether the work was done before repeating it.',
    -32021,
    504,
    false,
  ),
  CANCELLED: row(
    'the request was cancelled',
    'Nothing: somebody asked for this.',
    -32022,
    499,
    false,
  ),
  CONFLICT: row(
    'idempotency key {key} was used before with another body',
    'Use a new key for a new request.',
    -32023,
    409,
    false,
  ),
  BROKER_RESTARTED: row(
    'the broker restarted while {method} was under way',
    'Look at the session before repeating it: the work may have been done.',
    -32025,
    500,
    false,
  ),
  DRAINING: row('the {part} is shutting down', 'Try again once it is back.', -32024, 503, true),
  // data
  STORAGE_FULL: row(
    'the journal has no room: {reason}',
    'Free disk space or raise the map size; reads go on, and writes heal by themselves.',
    -32030,
    507,
    true,
  ),
  STORAGE_FAILED: row(
    'the journal failed: {reason}',
    'Look at the broker log; check the disk, then `agentmq journal verify`.',
    -32031,
    500,
    false,
  ),
  SEQUENCE_HOLE: row(
    'session {session}: producer sequence {got} came where {expected} was due',
    'Send again from the sequence that was due.',
    -32032,
    409,
    true,
  ),
  NO_SUCH_TICKET: row(
    'this ticket is not known or was used before',
    'Open the stream again.',
    -32033,
    404,
    false,
  ),
  // agent
  START_FAILED: row(
    '{backend} did not start: {reason}',
    'Run the CLI by hand on the host to see why.',
    -32040,
    502,
    false,
  ),
  AGENT_GONE: row(
    'the process of session {session} has ended ({how})',
    'Read its last output with `agentmq logs`.',
    -32041,
    410,
    false,
  ),
  NOT_ALLOWED: row(
    'host {host} does not allow {what}',
    'Ask for something that the host allows, or change its config.',
    -32042,
    403,
    false,
  ),
  // workflows
  NO_SUCH_WORKFLOW: row(
    'there is no workflow execution {execution}',
    'List them with `agentmq workflow list`; those that ended long ago are removed.',
    -32004,
    404,
    false,
  ),
  TOO_MANY_WORKFLOWS: row(
    'there are {limit} workflow executions already that have not ended',
    'Wait until some have ended, or cancel one.',
    -32021,
    429,
    true,
  ),
  TURN_FAILED: row(
    'turn {turn} of session {session} ended with {reason}',
    'Look at its stream with `agentmq logs`.',
    -32043,
    502,
    false,
  ),
  // local
  UNREACHABLE: row(
    'no broker answers at {endpoint}: {reason}',
    'Start one with `agentmq up`, or name another with --endpoint.',
    -32050,
    503,
    true,
  ),
  CONNECTION_CLOSED: row('the connection was closed', 'Connect again.', -32051, 503, false),
  BAD_CONFIG: row(
    '{source}: {reason}',
    'Correct the setting; `--help` lists them all.',
    -32052,
    400,
    false,
  ),
  IN_USE: row(
    '{what} is in use by {owner}',
    'Stop the other process, or choose another path or port.',
    -32053,
    409,
    false,
  ),
  INTERNAL: row(
    'internal error: {reason}',
    'This is a defect in agentmq; please report it with the log around it.',
    -32603,
    500,
    false,
  ),
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS

/** Values for the placeholders of a message; also sent along for programs to read. */
export type ErrorDetails = Readonly<Record<string, string | number>>

export interface ErrorOrigin {
  readonly executed?: Executed
  readonly where?: Where
  readonly retryAfterMs?: number
  readonly cause?: unknown
  /** The text as the other side wrote it, where its details did not come along. */
  readonly message?: string
}

/** What an ERROR message carries in its body. */
export interface WireError {
  readonly code: string
  readonly message: string
  readonly details?: ErrorDetails
  readonly executed: Executed
  readonly where: Where
  readonly retryable: boolean
  readonly retry_after_ms?: number
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(details, name) ? String(details[name]) : whole,
  )
}

/** The one error class: a code of the table, its details, and whether work was done. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: ErrorCode
  readonly details: ErrorDetails
  readonly executed: Executed
  readonly where: Where
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, details: ErrorDetails = {}, origin: ErrorOrigin = {}) {
    super(origin.message ?? fill(ERRORS[code].message, details), { cause: origin.cause })
    this.code = code
    this.details = details
    this.executed = origin.executed ?? 'no'
    this.where = origin.where ?? 'broker'
    this.retryAfterMs = origin.retryAfterMs
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }

  get advice(): string {
    return fill(ERRORS[this.code].advice, this.details)
  }

  toWire(): WireError {
    return {
      code: this.code,
      message: this.message,
      ...(Object.keys(this.details).length > 0 && { details: this.details }),
      executed: this.executed,
      where: this.where,
      retryable: this.retryable,
      ...(this.retryAfterMs !== undefined && { retry_after_ms: this.retryAfterMs }),
    }
  }

  /** A code that this version does not know (a newer peer) becomes INTERNAL with its text kept. */
  static fromWire(wire: WireError): ProtocolError {
    const origin: ErrorOrigin = {
      executed: wire.executed,
      where: wire.where,
      ...(wire.retry_after_ms !== undefined && { retryAfterMs: wire.retry_after_ms }),
    }
    if (isErrorCode(wire.code)) return new ProtocolError(wire.code, wire.details ?? {}, origin)
    return new ProtocolError('INTERNAL', { reason: `${wire.code}: ${wire.message}` }, origin)
  }

  /** Wraps whatever was thrown, so that nothing without a code leaves a part. */
  static from(thrown: unknown, where: Where, executed: Executed = 'unknown'): ProtocolError {
    if (thrown instanceof ProtocolError) return thrown
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    return new ProtocolError('INTERNAL', { reason }, { where, executed, cause: thrown })
  }
}
