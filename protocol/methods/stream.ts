/** stream.*: the right to follow a stream, and reading it back. */
import { Type } from '../typebox.ts'
import { defineMethod } from './define.ts'
import { streamReference } from './types.ts'

export const StreamOpen = defineMethod('stream.open', {
  description:
    'Gives a ticket for one subscription on the XPUB socket and the highest sequence so far.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({
    session: streamReference,
    from: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          'First sequence that the reader will take; default 1. Its lag counts from there',
      }),
    ),
  }),
  result: Type.Object({
    session: Type.String({ description: 'Id of the session, or of the stream of the broker' }),
    ticket: Type.String({ description: 'Subscribe with these bytes, once' }),
    topic: Type.String({ description: 'First frame of what the subscription will bring' }),
    head: Type.Integer({ minimum: 0, description: 'Highest sequence so far' }),
  }),
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION', 'NO_SUCH_STREAM', 'OVERLOADED'],
})

export const StreamClose = defineMethod('stream.close', {
  description: 'Gives a ticket back. Unsubscribe with the same bytes as well.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({
    ticket: Type.String({ minLength: 1, maxLength: 64, description: 'From stream.open' }),
  }),
  result: Type.Object({}),
  errors: [],
})

const code = Type.Integer({ description: 'Chunk type' })

/** One chunk in a page: `[sequence, time, turn, type, body]`. */
export const PageChunk = Type.Tuple(
  [Type.Integer(), Type.Number(), Type.Integer(), code, Type.Unknown()],
  { description: '[sequence, time in ms since 1970, turn, chunk type, body (msgpack bin)]' },
)

export const StreamRead = defineMethod('stream.read', {
  description: 'Reads a range of a stream from the journal, in pages.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({
    session: streamReference,
    from: Type.Integer({ minimum: 1, description: 'First sequence wanted' }),
    to: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Last sequence wanted; default: the highest' }),
    ),
    max_count: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: 'Chunks in one page; default 2000',
      }),
    ),
    max_bytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2_097_152,
        description: 'Bytes in one page; default 524,288',
      }),
    ),
  }),
  result: Type.Object({
    session: Type.String({ description: 'Id of the session, or of the stream of the broker' }),
    chunks: Type.Array(PageChunk),
    gaps: Type.Array(
      Type.Object({
        from: Type.Integer({ minimum: 1, description: 'First missing sequence' }),
        to: Type.Integer({ minimum: 1, description: 'Last missing sequence' }),
        reason: Type.String({ description: 'retention or corrupt' }),
      }),
      { description: 'Sequences in this range that cannot be served' },
    ),
    next: Type.Integer({ minimum: 1, description: 'Go on reading from here' }),
    head: Type.Integer({ minimum: 0, description: 'Highest sequence on disk' }),
  }),
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION', 'NO_SUCH_STREAM'],
})
