/**
 * Chunks: the records of a session's stream. The type and the turn travel in the head, so that the
 * broker routes and stores a chunk without decoding its body; the schemas here are the bodies.
 */

import { oneOf } from '../one-of.ts'
import { type Static, Type } from '../typebox.ts'
import { AuditBody } from './audit.ts'

/** Why a turn ended. `interrupted` is somebody's wish, not a failure. */
export const TURN_REASONS = [
  'end_turn',
  'interrupted',
  'error',
  'max_turns',
  'max_tokens',
  'refusal',
  'gone',
] as const
export type TurnReason = (typeof TURN_REASONS)[number]

export const ERROR_KINDS = [
  'auth',
  'rate_limit',
  'server',
  'network',
  'config',
  'crash',
  'protocol',
] as const
export type ErrorKind = (typeof ERROR_KINDS)[number]

/** What can be decided about a tool call. `allow_always`: the CLI does not ask again for the like. */
export const APPROVAL_DECISIONS = ['allow', 'allow_always', 'deny'] as const
export type ApprovalDecision = (typeof APPROVAL_DECISIONS)[number]

/** How a question ended. `withdrawn`: the CLI no longer waits, so nothing was decided. */
export const APPROVAL_OUTCOMES = [...APPROVAL_DECISIONS, 'expired', 'withdrawn'] as const
export type ApprovalOutcome = (typeof APPROVAL_OUTCOMES)[number]

/** What an event is about; its `id` names the one among them. */
export const EVENT_TOPICS = ['session', 'task', 'state', 'workflow', 'host', 'system'] as const
export type EventTopic = (typeof EVENT_TOPICS)[number]

const content = Type.String({ description: 'A piece of text; pieces of one turn are concatenated' })
const toolId = Type.String({
  description: 'Joins the start, the input and the result of one tool call',
})

/** Body schema of each chunk type, with the sentence that the generated reference prints. */
export const CHUNKS = {
  prompt: Type.Object(
    {
      text: Type.String({ description: 'What the user asked' }),
      principal: Type.String({ description: 'Who asked' }),
    },
    { description: 'A prompt, recorded by the broker before the host sees it' },
  ),
  text: Type.Object({ content }, { description: 'A piece of the answer' }),
  thinking: Type.Object({ content }, { description: 'A piece of the reasoning' }),
  tool_use_start: Type.Object(
    {
      tool_id: toolId,
      tool_name: Type.String({ description: "The tool's name as the CLI gives it" }),
    },
    { description: 'The agent begins a tool call' },
  ),
  tool_use_input: Type.Object(
    { tool_id: toolId, input: Type.Unknown({ description: 'The whole input of the call' }) },
    { description: 'The input of a tool call is complete' },
  ),
  tool_result: Type.Object(
    {
      tool_id: toolId,
      result: Type.String({ description: 'What the tool gave back, as text' }),
      is_error: Type.Boolean({ description: 'Whether the tool failed, was denied or was cut off' }),
    },
    { description: 'A tool call ended' },
  ),
  approval_request: Type.Object(
    {
      approval: Type.String({
        pattern: '^[!-~]{1,128}$', // printable ASCII: it is part of a key of the journal
        description: 'Id of the question, never used again',
      }),
      tool_id: toolId,
      tool_name: Type.String({ description: "The tool's name as the CLI gives it" }),
      input: Type.Unknown({ description: 'What the tool would be run with' }),
      title: Type.Optional(Type.String({ description: 'What the CLI says about it, for people' })),
      options: Type.Array(oneOf(APPROVAL_DECISIONS, 'A decision that the CLI understands'), {
        description: 'What can be answered',
      }),
    },
    { description: 'The agent asks whether a tool may run, and waits for `approval.answer`' },
  ),
  approval_settled: Type.Object(
    {
      approval: Type.String({ description: 'Id of the question' }),
      outcome: oneOf(
        APPROVAL_OUTCOMES,
        'The decision; `expired`: nobody answered in time; `withdrawn`: the agent no longer asks',
      ),
      by: Type.String({ description: 'Who decided; empty when nobody did' }),
      reason: Type.Optional(Type.String({ description: 'What the agent was told, or why' })),
    },
    { description: 'A question was answered, or is none any more' },
  ),
  usage: Type.Object(
    {
      input_tokens: Type.Integer({ minimum: 0, description: 'Tokens read' }),
      output_tokens: Type.Integer({ minimum: 0, description: 'Tokens written' }),
      cost_usd: Type.Optional(
        Type.Number({ minimum: 0, description: 'Cost of the turn in US dollars' }),
      ),
    },
    { description: "The CLI's own account of one turn" },
  ),
  turn_complete: Type.Object(
    {
      turn_number: Type.Integer({ minimum: 1, description: 'The turn that ended' }),
      reason: oneOf(
        TURN_REASONS,
        'Why the turn ended; `gone`: the process ended in the middle of it',
      ),
    },
    { description: 'The one end of a turn' },
  ),
  status: Type.Object(
    {
      status: Type.String({ description: "The session's new status" }),
      reason: Type.Optional(Type.String({ description: 'Why it changed' })),
      paused: Type.Optional(
        Type.String({ description: 'How it is paused now: hold, freeze; empty: no longer' }),
      ),
    },
    { description: 'The session changed its status, or was paused or resumed' },
  ),
  stderr: Type.Object(
    {
      content: Type.String({ description: 'A line that was not part of the protocol of the CLI' }),
    },
    { description: 'Diagnostics of the child process' },
  ),
  error: Type.Object(
    {
      message: Type.String({ description: "The CLI's own words where it has any" }),
      kind: Type.Optional(oneOf(ERROR_KINDS, 'What sort of failure')),
      retrying: Type.Optional(Type.Boolean({ description: 'The CLI says that it tries again' })),
    },
    { description: 'A failure inside the agent; the turn may go on when `retrying`' },
  ),
  complete: Type.Object(
    {
      exit_code: Type.Union([Type.Integer(), Type.Null()], {
        description:
          'The true exit code; null when a signal ended the process or nobody saw it end',
      }),
      signal: Type.Optional(Type.String({ description: 'The signal that ended the process' })),
      session_id: Type.String({ description: 'The session' }),
      reason: Type.Optional(Type.String({ description: 'Why it ended, when that is known' })),
    },
    { description: 'The process has ended; nothing of this life of the session follows' },
  ),
  event: Type.Object(
    {
      topic: oneOf(EVENT_TOPICS, 'What it is about'),
      event: Type.String({ description: 'What happened, as docs/events.md lists it' }),
      id: Type.String({ description: 'Which one: a session, a task, a key, an execution, a host' }),
      data: Type.Record(Type.String(), Type.Unknown(), {
        description: 'What is to be known of it; more keys may come with later versions',
      }),
    },
    { description: 'Something happened; only in streams of the broker, as `@events`' },
  ),
  audit: AuditBody,
} as const

export type ChunkType = keyof typeof CHUNKS
export type ChunkBody<T extends ChunkType> = Static<(typeof CHUNKS)[T]>

/** A chunk as a program handles it: its type and its body in one object. */
export type Chunk = { [T in ChunkType]: { type: T } & ChunkBody<T> }[ChunkType]

/** A chunk as a reader sees it. */
export type StreamChunk = Chunk & {
  /** The broker's number, 1, 2, 3 … without a gap. */
  readonly seq: number
  /** When the broker took it, milliseconds since 1970 by the broker's clock. */
  readonly time: number
  /** The turn it belongs to; 0 = none. */
  readonly turn: number
}

/** Numbers of the chunk types on the wire and in the journal; append only. */
export const CHUNK_CODES = {
  prompt: 1,
  text: 2,
  thinking: 3,
  tool_use_start: 4,
  tool_use_input: 5,
  tool_result: 6,
  usage: 7,
  turn_complete: 8,
  status: 9,
  stderr: 10,
  error: 11,
  complete: 12,
  approval_request: 13,
  approval_settled: 14,
  event: 15,
  audit: 16,
} as const satisfies Record<ChunkType, number>

const BY_CODE: ReadonlyMap<number, ChunkType> = new Map(
  Object.entries(CHUNK_CODES).map(([type, code]) => [code, type as ChunkType]),
)

/** The type with this number; undefined for a type that a newer peer sends. */
export function chunkType(code: number): ChunkType | undefined {
  return BY_CODE.get(code)
}
