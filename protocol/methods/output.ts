/** output.*: what an agent wrote, as lines. */

import { oneOf } from '../one-of.ts'
import { Type } from '../typebox.ts'
import { defineMethod } from './define.ts'
import { sessionReference } from './types.ts'

/** Where a line comes from: the answer, the diagnostics of the process, the results of tools. */
export const OUTPUT_STREAMS = ['stdout', 'stderr', 'tool'] as const
export type OutputStream = (typeof OUTPUT_STREAMS)[number]

const OutputLine = Type.Object({
  seq: Type.Integer({ minimum: 1, description: 'Sequence of the chunk in which it begins' }),
  time: Type.Number({ description: 'When that chunk was taken, ms since 1970' }),
  turn: Type.Integer({ minimum: 0, description: 'Turn; 0 = none' }),
  stream: oneOf(OUTPUT_STREAMS, 'Where it comes from'),
  text: Type.String({ description: 'The line, without its end' }),
  cut: Type.Optional(
    Type.Boolean({ description: 'True for a piece of a line that is too long to give in one' }),
  ),
})

export const OutputQuery = defineMethod('output.query', {
  description:
    'Lines of what an agent wrote, filtered by a pattern that is matched in linear time (RE2).',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({
    session: sessionReference,
    streams: Type.Optional(
      Type.Array(oneOf(OUTPUT_STREAMS, 'stdout: the answer; stderr: diagnostics; tool: results'), {
        maxItems: 3,
        description: 'Only these; default: all',
      }),
    ),
    pattern: Type.Optional(
      Type.String({
        maxLength: 1000,
        description: 'RE2 syntax; a line fits that contains a match',
      }),
    ),
    ignore_case: Type.Optional(Type.Boolean({ description: 'Default: false' })),
    cursor: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,15}(\\.[0-9]{1,15})?$',
        description: 'From an earlier answer, or a sequence to begin at; default: the beginning',
      }),
    ),
    offset: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Fitting lines to pass over first; default 0' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'Lines in one answer; default 100' }),
    ),
  }),
  result: Type.Object({
    session: Type.String({ description: 'Session id' }),
    lines: Type.Array(OutputLine, { description: 'Lines that fit, in the order of the stream' }),
    skipped: Type.Integer({ minimum: 0, description: 'Fitting lines passed over for `offset`' }),
    cursor: Type.String({ description: 'Ask again with this to go on' }),
    done: Type.Boolean({
      description: 'False: there is more to look through, also when no line was found so far',
    }),
    gaps: Type.Array(
      Type.Object({
        from: Type.Integer({ minimum: 1, description: 'First missing sequence' }),
        to: Type.Integer({ minimum: 1, description: 'Last missing sequence' }),
        reason: Type.String({ description: 'retention or corrupt' }),
      }),
      { description: 'What could not be looked through' },
    ),
  }),
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION'],
})
