/** Where the readers of streams are: XPUB drops in silence, so nobody but the reader itself can tell. */
import { type Static, Type } from '../typebox.ts'
import { defineMethod } from './define.ts'
import { streamReference } from './types.ts'

/** Positions that one stream.progress may tell: all the tickets that a connection may hold. */
export const MAX_POSITIONS = 4096

export const StreamProgress = defineMethod('stream.progress', {
  description:
    'Tells how far the readers behind tickets of this connection have come; all of them in one request, at most once a second, and only those that have moved. What the broker does not know is ignored.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({
    positions: Type.Array(
      Type.Tuple([
        Type.String({ minLength: 1, maxLength: 64 }),
        Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
      ]),
      {
        minItems: 1,
        maxItems: MAX_POSITIONS,
        description: '[ticket, last sequence that its slowest reader has taken; 0 = none]',
      },
    ),
  }),
  result: Type.Object({}),
  errors: [],
})

export const ReaderInfo = Type.Object(
  {
    session: Type.String({ description: 'Session id' }),
    principal: Type.String({ description: 'Who reads' }),
    connection: Type.String({ description: 'Its connection, as hexadecimal digits' }),
    live: Type.Boolean({ description: 'Its ticket was redeemed: chunks are published to it' }),
    position: Type.Integer({
      minimum: 0,
      description: 'Last sequence that it has taken, as far as it has told',
    }),
    head: Type.Integer({ minimum: 0, description: 'Highest sequence of the stream' }),
    lag: Type.Integer({ minimum: 0, description: 'Chunks that it has not taken' }),
    reported_ms: Type.Number({
      minimum: -1,
      description: 'Age of the last report of its position, ms; -1 = it has made none',
    }),
    opened_ms: Type.Number({ minimum: 0, description: 'Age of its ticket, ms' }),
  },
  { description: 'A reader of a stream: one ticket of one connection' },
)
export type ReaderInfo = Static<typeof ReaderInfo>

export const StreamReaders = defineMethod('stream.readers', {
  description: 'Lists the readers of streams, the one that is furthest behind first.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({
    session: Type.Optional(streamReference),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, description: 'Most readers; default 1000' }),
    ),
  }),
  result: Type.Object({
    readers: Type.Array(ReaderInfo),
    total: Type.Integer({ minimum: 0, description: 'Readers there are, listed or not' }),
  }),
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION', 'NO_SUCH_STREAM'],
})
