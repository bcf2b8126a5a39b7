/** What is answered here to a message of the agent protocol on which the old server was silent. */
import { type AgentMessage, agentIn, agentText } from './agent-message.ts'
import { actionAnswer } from './command-differences.ts'
import { isArray, type Json } from './exact-json.ts'
import type { Vector } from './vector.ts'

const NIL_AGENT = { $bin: '0'.repeat(32) }
const REASON = '<string>'
const STREAMS = ['stdout', 'stderr', 'both']

/** The reply, as a pattern. A message that is a request gets the kind of reply that its sender waits for. */
export function replyInstead(message: AgentMessage | undefined, vector: Vector): Json {
  if (message === undefined) return refused({ id: '', agent: NIL_AGENT, error: REASON })
  const { tag, id } = message
  const agent = agentIn(message)
  // The agents that a case names are there when something has made them.
  const isKnown = vector.setup !== undefined
  switch (tag) {
    case null:
      return refused({ id, agent: NIL_AGENT, error: REASON })
    case 'spawn_request':
      return ['spawn_response', id, false, null, REASON, '<string>']
    case 'list_agents_request':
      return ['list_agents_response', id, false, [], REASON]
    case 'control_command':
      return refused({ id, agent, error: REASON })
    case 'custom_action_request':
      return actionReply(message, isKnown)
    case 'output_query_request':
      return queryReply(message, isKnown)
    case 'batch_control_command':
      return batchReply(message, isKnown)
    case 'health_check_request':
      return refused({ id, agent: NIL_AGENT, error: REASON })
    default:
      return refused({ id, agent: NIL_AGENT, error: `Unexpected message type: <any>${tag}<any>` })
  }
}

interface Refused {
  readonly id: string
  readonly agent: Json
  readonly error: string
}

function refused({ id, agent, error }: Refused): Json {
  return ['command_response', id, agent, false, null, null, error]
}

const unknown = (agent: Json): string => `Agent not found: ${agentText(agent)}`

function actionReply(message: AgentMessage, isKnown: boolean): Json {
  const agent = agentIn(message)
  const action = message.member('action', 1)
  const isWhole = typeof action === 'string'
  if (!isWhole) return refused({ id: message.id, agent, error: REASON })
  if (!isKnown) return refused({ id: message.id, agent, error: unknown(agent) })
  const params = message.member('params', 2) ?? null
  const answer = actionAnswer(action, params, { message, status: '<string>' })
  return ['command_response', message.id, agent, ...answer]
}

function queryReply(message: AgentMessage, isKnown: boolean): Json {
  const agent = agentIn(message)
  const reply = ['output_query_response', message.id, agent]
  if (!STREAMS.some((name) => name === message.member('stream', 1))) {
    return [...reply, false, [], null, false, REASON]
  }
  if (!isKnown) return [...reply, false, [], null, false, unknown(agent)]
  return [...reply, true, '<any>', '<int>', '<bool>', null]
}

function batchReply(message: AgentMessage, isKnown: boolean): Json {
  const agents = message.member('agent_ids', 0)
  const command = message.member('command_type', 1)
  if (!isArray(agents) || typeof command !== 'string') {
    const one = [NIL_AGENT, false, null, REASON]
    return ['batch_control_response', message.id, false, [one], 0, 1]
  }
  if (agents.length === 0) return ['batch_control_response', message.id, true, [], 0, 0]
  const success = isKnown ? '<bool>' : false
  return ['batch_control_response', message.id, success, '<any>', '<int>', '<int>']
}
