/** A program of the host's config that is no agent: lines in, lines out. Callers choose among the names. */

import { oneOf } from '../../protocol/one-of.ts'
import { secret } from '../../protocol/secret-settings.ts'
import { type Static, Type } from '../../protocol/typebox.ts'

/** How a turn ends, since such a program has no word for it. */
export const TURN_ENDS = ['idle', 'line', 'exit'] as const

export const StdioCommand = Type.Object(
  {
    command: Type.String({ minLength: 1, maxLength: 4096, description: 'Name or path' }),
    args: Type.Optional(
      Type.Array(Type.String({ maxLength: 4096 }), { maxItems: 256, description: 'Arguments' }),
    ),
    env: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Type.String(), {
        ...secret,
        description: 'Environment it needs',
      }),
    ),
    title: Type.Optional(Type.String({ maxLength: 128, description: 'Name for people' })),
    extra_args: Type.Optional(
      Type.Boolean({ description: 'Whether a request may add arguments; default: no' }),
    ),
    turn_end: Type.Optional(
      oneOf(
        TURN_ENDS,
        'A turn ends after a silence that follows output (idle, the default), with a certain line (line), or with the process, whose input ends after the prompt (exit)',
      ),
    ),
    idle_ms: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 3_600_000,
        description: 'The silence that ends a turn, ms; default: 1000',
      }),
    ),
    end_line: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description: 'The line that ends a turn; it is not passed on',
      }),
    ),
    interrupt: Type.Optional(
      Type.Boolean({ description: 'Whether SIGINT ends its turn and not itself; default: no' }),
    ),
  },
  { additionalProperties: false },
)
export type StdioCommand = Static<typeof StdioCommand>

export const STDIO_DEFAULTS = {
  idleMs: 1000, // ms; a program that computes longer between two lines needs another rule
} as const
