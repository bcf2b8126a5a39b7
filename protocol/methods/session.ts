/** session.*: the life of a session and its turns. */

import { MAX_METADATA_BYTES, metadataSchema } from '../json.ts'
import { oneOf } from '../one-of.ts'
import { type Static, Type } from '../typebox.ts'
import { defineMethod } from './define.ts'
import { SessionInfo, SessionStatusSchema, sessionReference } from './types.ts'

const session = sessionReference
const option = (description: string) => Type.String({ maxLength: 4096, description })

/** How hard a model thinks before it answers; a CLI without such levels takes the nearest it has. */
export const THINKING_LEVELS = ['off', 'low', 'medium', 'high', 'max'] as const
export type ThinkingLevel = (typeof THINKING_LEVELS)[number]

const sessionName = Type.String({
  pattern: '^[A-Za-z][A-Za-z0-9._-]{0,63}$',
  description: 'Unique name among sessions that have not ended',
})

/** What a session is started with; also what the host receives. */
export const startFields = {
  backend: Type.String({
    minLength: 1,
    maxLength: 64,
    description: 'Backend, as `host.list` names it',
  }),
  cwd: Type.Optional(option('Working directory on the host; default: the directory of the host')),
  model: Type.Optional(option('Model, as the CLI names it')),
  permission_mode: Type.Optional(option('Permission mode, as the CLI names it')),
  thinking: Type.Optional(
    oneOf(THINKING_LEVELS, 'How hard the model should think; default: what the CLI chooses'),
  ),
  max_turns: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'Most requests to the model in one turn, where the CLI can count them',
    }),
  ),
  allowed_tools: Type.Optional(
    Type.Array(option('Tool'), { maxItems: 256, description: 'Tools that run without asking' }),
  ),
  system_prompt: Type.Optional(
    Type.String({ maxLength: 262_144, description: 'Text added to the system prompt of the CLI' }),
  ),
  context: Type.Optional(
    Type.String({
      maxLength: 262_144,
      description: 'What the agent should know before it begins; put before the first prompt',
    }),
  ),
  extra_args: Type.Optional(
    Type.Array(option('Argument'), {
      maxItems: 256,
      description: 'Further arguments for the CLI; the host must allow each',
    }),
  ),
  env: Type.Optional(
    Type.Record(Type.String({ maxLength: 256 }), Type.String({ maxLength: 131_072 }), {
      description: 'Environment to add; the host must allow each name. Values are never logged',
    }),
  ),
}

/** Who begins a new life of a session whose process failed or was lost with its host. */
export const RECOVERIES = ['manual', 'auto'] as const
export type RecoveryPolicy = (typeof RECOVERIES)[number]
const RecoverySchema = oneOf(
  RECOVERIES,
  'After a failure: only session.recover begins a new process (manual, the default), or the next prompt does as well (auto)',
)

export const ON_EXPIRY = ['hold', 'deny'] as const

/** How long a question waits when the policy is to deny and says no time, ms. */
export const DEFAULT_EXPIRE_MS = 3_600_000 // an hour: a meeting or a meal, not a night

/** What becomes of questions of the agent that nobody answers. */
export const ApprovalPolicy = Type.Object(
  {
    on_expiry: oneOf(
      ON_EXPIRY,
      'hold: they wait as long as the agent does; deny: after `expire_ms` the agent is told that it may not',
    ),
    expire_ms: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: 2_592_000_000, // 30 days
        description: `With deny: how long a question waits; default ${DEFAULT_EXPIRE_MS}`,
      }),
    ),
  },
  { description: 'What becomes of questions of the agent that nobody answers; default: hold' },
)
export type ApprovalPolicy = Static<typeof ApprovalPolicy>

export const STARTS = ['now', 'on_prompt'] as const

const METADATA_LIMIT = `at most ${MAX_METADATA_BYTES} bytes as JSON`

export const SessionCreate = defineMethod('session.create', {
  description:
    'Starts an agent process on a host and returns once it can take a prompt; or leaves that to the first prompt.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({
    ...startFields,
    name: Type.Optional(sessionName),
    host: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'Host id or name; default: by labels and free slots',
      }),
    ),
    recovery: Type.Optional(RecoverySchema),
    labels: Type.Optional(
      Type.Array(Type.String({ maxLength: 128 }), {
        maxItems: 32,
        description: 'Labels the host must have',
      }),
    ),
    approvals: Type.Optional(ApprovalPolicy),
    start: Type.Optional(
      oneOf(
        STARTS,
        'now (the default), or on_prompt: the first prompt places and starts it; until then it is `created`, and holds its name but no slot',
      ),
    ),
    metadata: Type.Optional(
      metadataSchema(`What to keep with the session and return with it; ${METADATA_LIMIT}`),
    ),
  }),
  result: SessionInfo,
  errors: [
    'NO_HOST',
    'NO_SUCH_HOST',
    'NO_BACKEND',
    'AT_CAPACITY',
    'HOST_DRAINING',
    'NAME_TAKEN',
    'TOO_MANY_SESSIONS',
    'NOT_ALLOWED',
    'START_FAILED',
    'HOST_LOST',
  ],
})

/** Longest prompt, characters. */
export const MAX_PROMPT = 1_048_576

export const WHEN_BUSY = ['queue', 'interrupt', 'reject'] as const
export type WhenBusy = (typeof WHEN_BUSY)[number]
export const WhenBusySchema = oneOf(
  WHEN_BUSY,
  'If a turn runs: wait for its end (queue, the default), end it first (interrupt), or fail with BUSY (reject)',
)

export const SessionPrompt = defineMethod('session.prompt', {
  description:
    'Gives the agent a prompt, and starts it first if it is `created`. Replies as soon as the host has it; the answer is read from the stream.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({
    session,
    text: Type.String({ minLength: 1, maxLength: MAX_PROMPT, description: 'What to ask' }),
    when_busy: Type.Optional(WhenBusySchema),
  }),
  result: Type.Object({
    session: Type.String({ description: 'Session id' }),
    turn: Type.Integer({ minimum: 1, description: 'Number of the turn that this prompt began' }),
    sequence: Type.Integer({ minimum: 1, description: 'Sequence of the prompt in the stream' }),
  }),
  errors: [
    'NO_SUCH_SESSION',
    'AMBIGUOUS_SESSION',
    'WRONG_STATE',
    'BUSY',
    'HOST_LOST',
    'AGENT_GONE',
    'OVERLOADED',
    'NO_HOST',
    'NO_SUCH_HOST',
    'NO_BACKEND',
    'AT_CAPACITY',
    'HOST_DRAINING',
    'NOT_ALLOWED',
    'START_FAILED',
  ],
})

export const SessionInterrupt = defineMethod('session.interrupt', {
  description:
    'Ends the running turn; the session lives on. Without a running turn nothing happens.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ session }),
  result: Type.Object({
    session: Type.String({ description: 'Session id' }),
    interrupted: Type.Boolean({ description: 'Whether a turn was running' }),
    turn: Type.Integer({ minimum: 0, description: 'The turn that was told to end; 0 = none' }),
  }),
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION', 'WRONG_STATE', 'HOST_LOST'],
})

export const SessionStop = defineMethod('session.stop', {
  description:
    'Ends the process step by step (interrupt, end of input, SIGTERM, SIGKILL) and replies when it is gone.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ session }),
  result: SessionInfo,
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION', 'WRONG_STATE', 'HOST_LOST'],
})

export const SessionKill = defineMethod('session.kill', {
  description:
    'Ends the process and all its descendants at once (SIGKILL) and replies when they are gone.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ session }),
  result: SessionInfo,
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION', 'WRONG_STATE', 'HOST_LOST'],
})

export const SessionRecover = defineMethod('session.recover', {
  description:
    'Starts a new process that goes on with the conversation of a session whose process is gone; one that is `created` starts now.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ session }),
  result: SessionInfo,
  errors: [
    'NO_SUCH_SESSION',
    'AMBIGUOUS_SESSION',
    'WRONG_STATE',
    'NAME_TAKEN',
    'NO_HOST',
    'NO_BACKEND',
    'AT_CAPACITY',
    'HOST_DRAINING',
    'START_FAILED',
    'HOST_LOST',
  ],
})

export const SessionRemove = defineMethod('session.remove', {
  description:
    'Takes a session that has ended or failed, or was never started, away with its stream. Its readers are told NO_SUCH_SESSION, and its name is free.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({
    session,
    force: Type.Optional(
      Type.Boolean({
        description:
          'Also one that is lost: should its host come back with it, the host is told to end it',
      }),
    ),
  }),
  result: Type.Object({
    session: Type.String({ description: 'Session id' }),
    name: Type.String({ description: 'The name it had; may be empty' }),
  }),
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION', 'WRONG_STATE'],
})

export const SessionRename = defineMethod('session.rename', {
  description: 'Gives a session another name.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ session, name: sessionName }),
  result: SessionInfo,
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION', 'NAME_TAKEN'],
})

export const SessionAnnotate = defineMethod('session.annotate', {
  description:
    'Changes what is kept with a session: keys that are given replace what was there, null takes a key away (JSON merge patch, RFC 7386).',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({
    session,
    metadata: metadataSchema(`The patch; all of the metadata is ${METADATA_LIMIT}`),
  }),
  result: SessionInfo,
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION'],
})

export const SessionGet = defineMethod('session.get', {
  description: 'One session.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({ session }),
  result: SessionInfo,
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION'],
})

export const SessionList = defineMethod('session.list', {
  description: 'Sessions, newest first, in pages.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({
    status: Type.Optional(
      Type.Array(SessionStatusSchema, { maxItems: 16, description: 'Only these statuses' }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description:
          'Most sessions of one page; default 1000. Fewer come when their metadata is large',
      }),
    ),
    offset: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Sessions to pass over; default 0' }),
    ),
  }),
  result: Type.Object({
    sessions: Type.Array(SessionInfo),
    total: Type.Integer({ minimum: 0, description: 'Sessions that fit, in all pages' }),
  }),
  errors: [],
})
