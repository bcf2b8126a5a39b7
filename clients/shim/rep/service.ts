/** Requests to replies: one reply for every request, whatever happens. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SessionInfo } from '../../sdk/index.ts'
import { agentInfo, agents, findAgent, statusOf } from '../agents/agent.ts'
import { decodeMessage, encodeMessage } from './codec.ts'
import { failureText } from './command-failed.ts'
import { runCommand } from './commands.ts'
import { customAction } from './custom-action.ts'
import {
  type AgentStatus,
  type BatchResult,
  type Command,
  isRequest,
  type MessageOf,
  PROTOCOL_VERSION,
  type Request,
} from './layouts.ts'
import { queryOutput } from './output-query.ts'
import type { RepPorts } from './ports.ts'
import { commandFailed, type Reply, refusal } from './refusal.ts'
import { Spawner } from './spawn.ts'
import { type Json, NIL_UUID } from './wire-types.ts'

/** Agents in one list, newest first: what fits a reply many times over. */
export const MAX_LISTED = 10_000
/** Commands of one batch that run at a time, when it does not stop at the first failure. */
const BATCH_WIDTH = 16

type Ask<T extends Request['type']> = MessageOf<T>

export interface Answer {
  readonly body: Buffer
  readonly isError: boolean
}

export class RepService {
  readonly #ports: RepPorts
  readonly #spawner: Spawner

  constructor(ports: RepPorts) {
    this.#ports = ports
    this.#spawner = new Spawner(ports)
  }

  /** Never rejects. */
  async answer(bytes: Uint8Array): Promise<Answer> {
    try {
      return encoded(await this.#reply(bytes))
    } catch (thrown) {
      // Nobody foresaw this; a REQ client without a reply could not be used any more.
      const { message } = ProtocolError.from(thrown, 'client')
      return encoded(commandFailed('', NIL_UUID, `Internal error: ${message}`))
    }
  }

  async #reply(bytes: Uint8Array): Promise<Reply> {
    const message = decodeMessage(bytes)
    if (message.type === 'undecodable') return refusal(message, this.#ports.serverId)
    if (!isRequest(message)) {
      const id = 'request_id' in message ? message.request_id : ''
      return commandFailed(id, NIL_UUID, `Unexpected message type: ${message.type}`)
    }
    try {
      return await this.#serve(message)
    } catch (thrown) {
      const reason = ProtocolError.from(thrown, 'client').message
      const agentId = 'agent_id' in message ? message.agent_id : NIL_UUID
      const failed = { tag: message.type, requestId: message.request_id, agentId, reason }
      return refusal({ type: 'undecodable', ...failed }, this.#ports.serverId)
    }
  }

  #serve(request: Request): Promise<Reply> {
    switch (request.type) {
      case 'spawn_request':
        return this.#spawner.spawn(request)
      case 'control_command':
        return this.#control(request)
      case 'custom_action_request':
        return this.#custom(request)
      case 'list_agents_request':
        return this.#list(request)
      case 'health_check_request':
        return this.#health(request)
      case 'batch_control_command':
        return this.#batch(request)
      case 'output_query_request':
        return queryOutput(this.#ports, request)
    }
  }

  async #control(request: Ask<'control_command'>): Promise<Reply> {
    const { request_id, agent_id, command_type, payload } = request
    const outcome = await this.#command(agent_id, command_type, payload)
    return { type: 'command_response', request_id, agent_id, ...outcome }
  }

  async #custom({
    request_id,
    agent_id,
    action,
    params,
  }: Ask<'custom_action_request'>): Promise<Reply> {
    const outcome = await this.#outcome(agent_id, async (agent) =>
      customAction(action, params, agent, this.#ports.wall()),
    )
    return { type: 'command_response', request_id, agent_id, ...outcome }
  }

  #command(id: string, command: Command, payload: Json | null): Promise<Outcome> {
    return this.#outcome(id, (agent) => runCommand(this.#ports, command, agent, payload))
  }

  /** With the status as it is afterwards, also after a failure. */
  async #outcome(id: string, work: (agent: SessionInfo) => Promise<Json | null>): Promise<Outcome> {
    const agent = await findAgent(this.#ports.client, id)
    if (!agent) {
      return { success: false, status: null, data: null, error: `Agent not found: ${id}` }
    }
    try {
      const data = await work(agent)
      return { success: true, status: await this.#status(id), data, error: null }
    } catch (thrown) {
      const error = failureText(thrown, id)
      return { success: false, status: await this.#status(id), data: null, error }
    }
  }

  /** Null when it cannot be known any more. */
  async #status(id: string): Promise<AgentStatus | null> {
    const agent = await findAgent(this.#ports.client, id).catch(() => undefined)
    return agent ? statusOf(agent) : null
  }

  async #list({ request_id, filter_status, limit }: Ask<'list_agents_request'>): Promise<Reply> {
    const most = Math.min(limit ?? MAX_LISTED, MAX_LISTED)
    const listed: SessionInfo[] = []
    if (most > 0) {
      for await (const agent of agents(this.#ports.client)) {
        if (filter_status === null || statusOf(agent) === filter_status) listed.push(agent)
        if (listed.length >= most) break
      }
    }
    const found = listed.map(agentInfo)
    return { type: 'list_agents_response', request_id, success: true, agents: found, error: null }
  }

  async #health({ request_id }: Ask<'health_check_request'>): Promise<Reply> {
    const { client, serverId, maxAgents, endpoint } = this.#ports
    const own = { server_id: serverId, endpoint: endpoint(), max_agents: String(maxAgents) }
    const kind = { type: 'health_check_response', request_id } as const
    const reply = { ...kind, protocol_version: PROTOCOL_VERSION }
    try {
      const health = await client.call('system.health', {})
      return {
        ...reply,
        healthy: health.status !== 'draining', // degraded still works, and says so below
        uptime_secs: Math.floor(health.uptime_ms / 1000),
        active_agents: await this.#spawner.countLive(),
        metadata: {
          ...own,
          status: health.status,
          hosts_online: String(health.hosts_online),
          ...(health.problems.length > 0 && { problems: health.problems.join(' ') }),
        },
      }
    } catch (thrown) {
      const error = ProtocolError.from(thrown, 'client').message
      const unknown = { uptime_secs: null, active_agents: null, metadata: { ...own, error } }
      return { ...reply, healthy: false, ...unknown }
    }
  }

  async #batch(request: Ask<'batch_control_command'>): Promise<Reply> {
    const { request_id, agent_ids, fail_fast } = request
    const results: BatchResult[] = []
    const width = fail_fast ? 1 : BATCH_WIDTH
    for (let at = 0; at < agent_ids.length; at += width) {
      const part = agent_ids.slice(at, at + width)
      results.push(...(await Promise.all(part.map((id) => this.#batchMember(id, request)))))
      if (fail_fast && results.at(-1)?.success === false) break
    }
    const successful = results.filter(({ success }) => success).length
    const success = successful === agent_ids.length
    const failed = results.length - successful
    return { type: 'batch_control_response', request_id, success, results, successful, failed }
  }

  async #batchMember(
    agent_id: string,
    { command_type, payload }: Ask<'batch_control_command'>,
  ): Promise<BatchResult> {
    try {
      const { success, status, error } = await this.#command(agent_id, command_type, payload)
      return { agent_id, success, status, error }
    } catch (thrown) {
      return { agent_id, success: false, status: null, error: failureText(thrown, agent_id) }
    }
  }
}

interface Outcome {
  readonly success: boolean
  readonly status: AgentStatus | null
  readonly data: Json | null
  readonly error: string | null
}

function encoded(reply: Reply): Answer {
  return { body: encodeMessage(reply), isError: 'success' in reply && !reply.success }
}
