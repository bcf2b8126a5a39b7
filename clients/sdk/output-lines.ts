/** Looks through what an agent wrote, call by call, as one sequence of lines. */
import type { Params, Result } from '../../protocol/methods/index.ts'
import type { OutputStream } from '../../protocol/methods/output.ts'

export type OutputLine = Result<'output.query'>['lines'][number]

export interface OutputOptions {
  readonly streams?: readonly OutputStream[]
  /** RE2 syntax; a line fits that contains a match. */
  readonly pattern?: string
  readonly ignoreCase?: boolean
  /** First sequence to look at, from 1. */
  readonly from?: number
  /** Fitting lines to pass over first. */
  readonly offset?: number
  /** Lines in all; default: no limit. */
  readonly limit?: number
  readonly signal?: AbortSignal
}

type Query = (params: Params<'output.query'>) => Promise<Result<'output.query'>>

/** Lines asked for in one call. */
const PAGE = 1000

export async function* outputLines(
  query: Query,
  session: string,
  options: OutputOptions,
): AsyncGenerator<OutputLine, undefined> {
  const { streams, pattern, ignoreCase, from = 1, limit = Number.POSITIVE_INFINITY } = options
  const fixed = {
    session,
    ...(streams && { streams: [...streams] }),
    ...(pattern !== undefined && { pattern }),
    ...(ignoreCase !== undefined && { ignore_case: ignoreCase }),
  }
  let cursor = String(from)
  let offset = options.offset ?? 0
  let given = 0
  while (given < limit && options.signal?.aborted !== true) {
    const page = { cursor, offset, limit: Math.min(PAGE, limit - given) }
    const answer = await query({ ...fixed, ...page })
    yield* answer.lines
    given += answer.lines.length
    offset -= answer.skipped
    cursor = answer.cursor
    if (answer.done) return
  }
}
