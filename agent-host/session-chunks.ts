/** What a backend reports, as chunks of the stream. */
import type { Chunk } from '../protocol/messages/chunk.ts'
import type { BackendEvent } from './backends/backend.ts'

/** A title is one line for people; what the tool is run with is in the input. */
const TITLE_LENGTH = 1024

type Reported = Exclude<BackendEvent, { readonly type: 'ready' | 'start_failed' | 'turn_end' }>

export function chunkOf(event: Reported): Chunk {
  switch (event.type) {
    case 'text':
    case 'thinking':
      return { type: event.type, content: event.content }
    case 'tool_use_start':
      return { type: 'tool_use_start', tool_id: event.toolId, tool_name: event.toolName }
    case 'tool_use_input':
      return { type: 'tool_use_input', tool_id: event.toolId, input: event.input }
    case 'tool_result':
      return {
        type: 'tool_result',
        tool_id: event.toolId,
        result: event.result,
        is_error: event.isError,
      }
    case 'approval':
      return {
        type: 'approval_request',
        approval: event.approval,
        tool_id: event.toolId,
        tool_name: event.toolName,
        input: event.input,
        ...(event.title !== undefined && { title: event.title.slice(0, TITLE_LENGTH) }),
        options: [...event.options],
      }
    case 'approval_withdrawn':
      return {
        type: 'approval_settled',
        approval: event.approval,
        outcome: 'withdrawn',
        by: '',
        reason: event.reason,
      }
    case 'usage':
      return {
        type: 'usage',
        input_tokens: event.inputTokens,
        output_tokens: event.outputTokens,
        ...(event.costUsd !== undefined && { cost_usd: event.costUsd }),
      }
    case 'error':
      return {
        type: 'error',
        message: event.message,
        ...(event.kind !== undefined && { kind: event.kind }),
        ...(event.retrying !== undefined && { retrying: event.retrying }),
      }
    case 'diagnostic':
      return { type: 'stderr', content: event.message }
  }
}
