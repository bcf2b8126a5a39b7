/**
 * output_query_request: lines of what an agent wrote, oldest first. `total_lines` counts every line that fits,
 * `offset` passes over fitting lines from the oldest, `filter` is matched in linear time.
 */
import type { Params } from '../../sdk/index.ts'
import { findAgent } from '../agents/agent.ts'
import { failureText } from './command-failed.ts'
import type { MessageOf } from './layouts.ts'
import type { RepPorts } from './ports.ts'
import type { Reply } from './refusal.ts'

type OutputQueryRequest = MessageOf<'output_query_request'>

const DEFAULT_LINES = 100
/** Lines in one reply. */
export const MAX_QUERY_LINES = 10_000
/** Characters of lines in one reply: with what UTF-8 makes of them, below the limit of a message. */
export const MAX_QUERY_CHARS = 3_000_000
/** Lines in one call. */
const PAGE = 1000
/** Passes over every line, so that it is counted and not sent. */
const ALL = Number.MAX_SAFE_INTEGER

export async function queryOutput(
  { client }: RepPorts,
  request: OutputQueryRequest,
): Promise<Reply> {
  const { request_id, agent_id } = request
  const reply = { type: 'output_query_response', request_id, agent_id } as const
  const failed = { ...reply, success: false, lines: [], total_lines: null, has_more: false }
  if (!(await findAgent(client, agent_id))) {
    return { ...failed, error: `Agent not found: ${agent_id}` }
  }
  try {
    return { ...reply, success: true, ...(await search(client, request)), error: null }
  } catch (thrown) {
    return { ...failed, error: failureText(thrown, agent_id) }
  }
}

async function search(client: RepPorts['client'], request: OutputQueryRequest) {
  const limit = Math.min(request.limit ?? DEFAULT_LINES, MAX_QUERY_LINES)
  const first = request.offset ?? 0
  const fixed = filterOf(request)
  const lines: string[] = []
  let chars = 0
  let total = 0
  let cursor = '1'
  for (;;) {
    const isFull = lines.length >= limit || chars >= MAX_QUERY_CHARS
    const page = isFull
      ? { offset: ALL, limit: 1 }
      : { offset: Math.max(0, first - total), limit: Math.min(PAGE, limit - lines.length) }
    const answer = await client.call('output.query', { ...fixed, ...page, cursor })
    total += answer.skipped + answer.lines.length
    for (const { text } of answer.lines) {
      lines.push(text)
      chars += text.length
    }
    cursor = answer.cursor
    if (answer.done) break
  }
  return { lines, total_lines: total, has_more: first + lines.length < total }
}

function filterOf({ agent_id, stream, filter }: OutputQueryRequest): Params<'output.query'> {
  return {
    session: agent_id,
    streams: stream === 'both' ? ['stdout', 'stderr'] : [stream],
    ...(filter !== null && { pattern: filter }),
  }
}
