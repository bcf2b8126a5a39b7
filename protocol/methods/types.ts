/** Records that several methods return. */

import { metadataSchema } from '../json.ts'
import { APPROVAL_DECISIONS, APPROVAL_OUTCOMES } from '../messages/chunk.ts'
import { oneOf } from '../one-of.ts'
import { type Static, Type } from '../typebox.ts'

export const SESSION_STATUSES = [
  'created',
  'starting',
  'idle',
  'running',
  'stopping',
  'lost',
  'ended',
  'failed',
] as const
export type SessionStatus = (typeof SESSION_STATUSES)[number]

export const SessionStatusSchema = oneOf(
  SESSION_STATUSES,
  'created (its first prompt will start it), starting, idle, running, stopping, lost (its host is away), ended (by wish or exit code 0), failed',
)

/**
 * `hold`: the running turn goes on, and no other begins. `freeze`: every process of the session is
 * stopped in its tracks (SIGSTOP).
 */
export const PAUSE_MODES = ['hold', 'freeze'] as const
export type PauseMode = (typeof PAUSE_MODES)[number]
export const PauseModeSchema = oneOf(
  PAUSE_MODES,
  'hold: the running turn goes on and no other begins; freeze: its processes are stopped (SIGSTOP)',
)

export const sessionReference = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'Session id, its name, or the first characters of its id',
})

export const streamReference = Type.String({
  minLength: 1,
  maxLength: 128,
  description:
    'Session id, its name, or the first characters of its id; or a stream of the broker: `@events`, `@workflow/` with the id of an execution, and for the scope `admin` `@audit`',
})

const time = (description: string) => Type.Number({ description: `${description}, ms since 1970` })

/** A process, as a host tells it; 0: none. */
export const processId = (description: string) =>
  Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, description })

/** Most sessions that one host can have, or report on. */
export const MAX_HOST_SESSIONS = 10_000

export const usageFields = {
  cpu_ms: Type.Number({ minimum: 0, description: 'Time of its processes on processors, ms' }),
  rss_bytes: Type.Integer({ minimum: 0, description: 'Resident memory of its processes' }),
  processes: Type.Integer({ minimum: 0, description: 'Processes, those of its tools included' }),
}

export const SessionInfo = Type.Object(
  {
    session: Type.String({ description: 'Session id (a UUID)' }),
    name: Type.String({ description: 'Name; empty when it has none' }),
    backend: Type.String({ description: 'Backend that drives the CLI' }),
    host: Type.String({ description: 'Host that runs it; empty until it is first started' }),
    status: SessionStatusSchema,
    reason: Type.String({
      description: 'Why it has this status, where that is known; may be empty',
    }),
    paused: Type.Union([PauseModeSchema, Type.Literal('')], {
      description: 'How it is paused; empty when it is not',
    }),
    epoch: Type.Integer({ minimum: 1, description: 'Lease epoch; each recovery raises it' }),
    turn: Type.Integer({ minimum: 0, description: 'Number of the last turn that was asked for' }),
    pending_turns: Type.Integer({ minimum: 0, description: 'Turns that have not ended yet' }),
    pending_approvals: Type.Integer({
      minimum: 0,
      description: 'Questions of the agent that nobody has answered yet',
    }),
    head: Type.Integer({ minimum: 0, description: 'Highest sequence of its stream' }),
    created_at: time('When it was created'),
    changed_at: time('When its status last changed'),
    cwd: Type.String({ description: 'Working directory on the host' }),
    model: Type.String({ description: 'Model asked for; empty = what the CLI chooses' }),
    owner: Type.String({ description: 'Principal that created it' }),
    pid: Type.Union([Type.Integer(), Type.Null()], { description: 'Process id on the host' }),
    last_pid: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Process id of its last process, also when that has ended; null: it had none',
    }),
    metadata: metadataSchema('What its callers keep with it'),
    exit_code: Type.Union([Type.Integer(), Type.Null()], {
      description: 'True exit code, once it ended',
    }),
    signal: Type.String({ description: 'Signal that ended it; may be empty' }),
    native_session_id: Type.String({
      description: 'Id under which the CLI keeps the conversation',
    }),
    usage: Type.Optional(
      Type.Object(
        {
          ...usageFields,
          age_ms: Type.Number({ minimum: 0, description: 'How long ago it was measured' }),
        },
        { description: 'What its processes use, as last reported by the host; absent if unknown' },
      ),
    ),
  },
  { description: 'A session as the broker knows it' },
)
export type SessionInfo = Static<typeof SessionInfo>

export const BackendInfo = Type.Object(
  {
    name: Type.String({ maxLength: 64, description: 'Name to use in session.create' }),
    title: Type.String({ maxLength: 128, description: 'Name for people' }),
    available: Type.Boolean({ description: 'The CLI was found and answered' }),
    version: Type.String({
      maxLength: 256,
      description: 'Version of the CLI; empty when not available',
    }),
    reason: Type.String({
      maxLength: 1024,
      description: 'Why it is not available; empty when it is',
    }),
    capabilities: Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 32,
      description: 'What the CLI can do',
    }),
  },
  { description: 'One kind of CLI on one host' },
)
export type BackendInfo = Static<typeof BackendInfo>

export const HOST_STATUSES = ['online', 'silent', 'offline'] as const
export type HostStatus = (typeof HOST_STATUSES)[number]
export const HostInfo = Type.Object(
  {
    host: Type.String({ description: 'Host id; survives restarts of the host' }),
    name: Type.String({ description: 'Name for people, usually the machine' }),
    status: oneOf(
      HOST_STATUSES,
      'online, silent (connected, but its event loop does not answer), offline',
    ),
    draining: Type.Boolean({ description: 'It gets no new session' }),
    labels: Type.Array(Type.String(), { description: 'Labels for placement' }),
    slots: Type.Integer({ minimum: 0, description: 'Sessions it may run at once' }),
    used: Type.Integer({
      minimum: 0,
      description: 'Sessions that hold a slot; with reach own those of the caller',
    }),
    backends: Type.Array(BackendInfo),
    software: Type.String({ description: 'Name and version of the host software' }),
    pid: Type.Integer({ minimum: 0, description: 'Process id of the host' }),
    since: time('When its status last changed'),
    heard_ms: Type.Number({ minimum: 0, description: 'Time since the last message from it, ms' }),
    loop_lag_ms: Type.Number({ minimum: 0, description: 'Event-loop delay it last reported, ms' }),
    in_flight: Type.Integer({
      minimum: 0,
      description: 'Requests it last reported under way; 0 for reach own',
    }),
    progress_age_ms: Type.Number({
      minimum: -1,
      description:
        'Age of the last output of any of its agents when last reported, ms; -1 = none, or reach own',
    }),
  },
  { description: 'An agent host as the broker knows it' },
)
export type HostInfo = Static<typeof HostInfo>

export const APPROVAL_STATES = ['pending', 'answered', 'applied', 'withdrawn', 'expired'] as const
export type ApprovalState = (typeof APPROVAL_STATES)[number]

export const ApprovalInfo = Type.Object(
  {
    approval: Type.String({ description: 'Id of the question' }),
    session: Type.String({ description: 'Session whose agent asks' }),
    turn: Type.Integer({ minimum: 0, description: 'Turn in which it asks' }),
    sequence: Type.Integer({
      minimum: 1,
      description: 'Sequence of its `approval_request` in the stream of the session',
    }),
    tool_id: Type.String({ description: 'Joins it with the chunks of the tool call' }),
    tool_name: Type.String({ description: "The tool's name as the CLI gives it" }),
    input: Type.Optional(
      Type.Unknown({
        description:
          'What the tool would be run with; one of more than 16 KiB is in the stream only',
      }),
    ),
    title: Type.Optional(Type.String({ description: 'What the CLI says about it, for people' })),
    options: Type.Array(oneOf(APPROVAL_DECISIONS, 'A decision'), {
      description: 'What can be answered',
    }),
    state: oneOf(
      APPROVAL_STATES,
      'pending; answered (on disk, the agent does not have it yet); applied (the agent has it); withdrawn (the agent no longer asks); expired (nobody answered in time, and the agent knows)',
    ),
    asked_at: time('When the broker heard of it'),
    expires_at: Type.Optional(time('When it is denied if nobody answers')),
    outcome: Type.Optional(oneOf(APPROVAL_OUTCOMES, 'How it was settled; absent while pending')),
    by: Type.Optional(Type.String({ description: 'Who decided; empty when nobody did' })),
    reason: Type.Optional(Type.String({ description: 'What the agent was told, or why' })),
    settled_at: Type.Optional(time('When it was settled')),
    change: Type.Integer({
      minimum: 1,
      description: 'Number of its last change, rising over all questions',
    }),
  },
  { description: 'A question of an agent whether a tool may run' },
)
export type ApprovalInfo = Static<typeof ApprovalInfo>
