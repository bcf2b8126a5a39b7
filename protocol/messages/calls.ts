/** REQUEST, ACCEPTED, REPLY, ERROR, CANCEL (docs/protocol.md section 4). */
import { type Static, Type } from '../typebox.ts'
import { defineHead } from './define.ts'
import { requestId } from './fields.ts'

export const Executed = Type.Union(
  [Type.Literal('no'), Type.Literal('yes'), Type.Literal('unknown')],
  { description: 'Whether the work was done' },
)

export const ErrorBody = Type.Object(
  {
    code: Type.String({ maxLength: 64, description: 'A code of the error table' }),
    message: Type.String({ description: 'For people; programs use code and details' }),
    details: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]), {
        description: 'The values behind the message',
      }),
    ),
    executed: Executed,
    where: Type.Union(
      [Type.Literal('client'), Type.Literal('broker'), Type.Literal('host'), Type.Literal('cli')],
      { description: 'The part that noticed' },
    ),
    retryable: Type.Boolean({ description: 'The same request may succeed later' }),
    retry_after_ms: Type.Optional(
      Type.Number({ minimum: 0, description: 'Wait this long before trying again' }),
    ),
  },
  { description: 'Why a request failed' },
)
export type ErrorBody = Static<typeof ErrorBody>

/** Deadline of a request that names none, ms. */
export const DEFAULT_DEADLINE_MS = 30_000

export const Request = defineHead('REQUEST', 16, {
  family: 'calls',
  direction: 'both',
  lane: 'call',
  description: 'Asks for one method; ends with exactly one REPLY or ERROR.',
  fields: {
    id: requestId,
    method: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'A method of the method table',
    }),
    target: Type.String({
      maxLength: 128,
      description: 'Session or host the method is for; may be empty',
    }),
    remaining_ms: Type.Integer({
      minimum: 0,
      description: 'Time left; each hop subtracts its own queueing time; 0 = 30,000',
    }),
    key: Type.String({ maxLength: 128, description: 'Idempotency key; empty = none' }),
    trace: Type.String({ maxLength: 256, description: 'W3C traceparent; may be empty' }),
    user: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'Principal that a gateway acts for; absent = the sender itself',
      }),
    ),
  },
  body: 'opaque',
})
export const Accepted = defineHead('ACCEPTED', 17, {
  family: 'calls',
  direction: 'both',
  lane: 'call',
  description: 'The request is in the journal and will be worked on.',
  fields: { id: requestId },
  body: 'none',
})
export const Reply = defineHead('REPLY', 18, {
  family: 'calls',
  direction: 'both',
  lane: 'call',
  description: 'The result of a request.',
  fields: { id: requestId },
  body: 'opaque',
})
// "Failure" in code, ERROR on the wire: a constant named Error would hide the global one.
export const Failure = defineHead('ERROR', 19, {
  family: 'calls',
  direction: 'both',
  lane: 'call',
  description: 'The end of a request that failed, or (empty id) a complaint about the connection.',
  fields: { id: requestId },
  body: ErrorBody,
})
export const Cancel = defineHead('CANCEL', 20, {
  family: 'calls',
  direction: 'both',
  lane: 'urgent',
  description:
    'The asking side no longer wants the result; the request still ends with REPLY or ERROR.',
  fields: { id: requestId },
  body: 'none',
})
