/** The settings that every long-running part has: its log, and how it lives with who started it. */

import { oneOf } from './one-of.ts'
import { Type } from './typebox.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** `readyWhen` completes "write one JSON line once …". */
export function processSettings(
  part: 'broker' | 'host' | 'shim',
  readyWhen: 'usable' | 'registered',
) {
  return {
    log_level: Type.Unsafe<(typeof LOG_LEVELS)[number]>({
      ...oneOf(LOG_LEVELS, 'Least severe level that is logged'),
      default: 'info',
    }),
    log_file: Type.Optional(
      Type.String({ description: 'Log to this file; default: standard error' }),
    ),
    ready_fd: Type.Optional(
      Type.Integer({
        minimum: 3,
        description: `Write one JSON line to this file descriptor once ${readyWhen}`,
      }),
    ),
    exit_with_parent: Type.Boolean({
      default: false,
      description: `End when standard input ends, so that no ${part} outlives who started it`,
    }),
  }
}
