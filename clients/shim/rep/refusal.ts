/**
 * The reply to what is no request. A REQ socket without a reply is dead, so there is one for every message:
 * of the kind that its sender waits for where that kind can carry an error, else a `command_response`.
 */
import type { Undecodable } from './codec.ts'
import type { Message, Request } from './layouts.ts'
import { NIL_UUID } from './wire-types.ts'

export type Reply = Exclude<Message, Request | { type: 'status_update' }>

export function refusal(failed: Undecodable, serverId: string): Reply {
  const { requestId: request_id, agentId: agent_id, reason: error } = failed
  switch (failed.tag) {
    case 'spawn_request':
      return {
        type: 'spawn_response',
        request_id,
        success: false,
        agent_info: null,
        error,
        server_id: serverId,
      }
    case 'list_agents_request':
      return { type: 'list_agents_response', request_id, success: false, agents: [], error }
    case 'batch_control_command':
      return {
        type: 'batch_control_response',
        request_id,
        success: false,
        // The only place for a text in this kind of reply.
        results: [{ agent_id: NIL_UUID, success: false, status: null, error }],
        successful: 0,
        failed: 1,
      }
    case 'output_query_request':
      return {
        type: 'output_query_response',
        request_id,
        agent_id,
        success: false,
        lines: [],
        total_lines: null,
        has_more: false,
        error,
      }
    case 'control_command':
    case 'custom_action_request':
      return commandFailed(request_id, agent_id, error)
    default:
      return commandFailed(request_id, NIL_UUID, error)
  }
}

export function commandFailed(request_id: string, agent_id: string, error: string): Reply {
  return {
    type: 'command_response',
    request_id,
    agent_id,
    success: false,
    status: null,
    data: null,
    error,
  }
}
