/** spawn_request: as agent.spawn of the other doors, with a limit for agents and a time for the start. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SessionInfo } from '../../sdk/index.ts'
import { agentInfo, agents, LIVE } from '../agents/agent.ts'
import { RpcError } from '../legacy/rpc-error.ts'
import { spawn } from '../legacy/spawn.ts'
import { CommandFailed } from './command-failed.ts'
import type { MessageOf } from './layouts.ts'
import type { RepPorts } from './ports.ts'
import type { Reply } from './refusal.ts'

const DEFAULT_TIMEOUT_S = 30
const MAX_TIMEOUT_S = 600

type SpawnRequest = MessageOf<'spawn_request'>

export class Spawner {
  readonly #ports: RepPorts
  /** Asked for and not yet in any list. */
  #starting = 0

  constructor(ports: RepPorts) {
    this.#ports = ports
  }

  /** Agents that have not ended, and those that are just being started. */
  async countLive(): Promise<number> {
    let count = this.#starting
    for await (const _agent of agents(this.#ports.client, LIVE)) count += 1
    return count
  }

  async spawn(request: SpawnRequest): Promise<Reply> {
    const { request_id } = request
    const reply = { type: 'spawn_response', request_id, server_id: this.#ports.serverId } as const
    try {
      const agent = await this.#start(request)
      return { ...reply, success: true, agent_info: agentInfo(agent), error: null }
    } catch (thrown) {
      return { ...reply, success: false, agent_info: null, error: spawnFailure(thrown) }
    }
  }

  async #start(request: SpawnRequest): Promise<SessionInfo> {
    this.#starting += 1
    try {
      const { maxAgents } = this.#ports
      if ((await this.countLive()) > maxAgents) {
        throw new CommandFailed(`Maximum agent limit reached: ${maxAgents}`)
      }
      return await this.#create(request)
    } finally {
      this.#starting -= 1
    }
  }

  async #create({ config, timeout_secs, metadata }: SpawnRequest): Promise<SessionInfo> {
    const { client, legacy } = this.#ports
    const seconds = Math.min(Math.max(1, timeout_secs ?? DEFAULT_TIMEOUT_S), MAX_TIMEOUT_S)
    const { name, model_backend: type, task, context, system_prompt, environment, model } = config
    const { session } = await spawn(legacy, {
      name,
      type,
      config: { task, context, system_prompt, environment, model },
      isLoose: false,
      deadlineMs: seconds * 1000,
      notes: metadata,
    })
    return client.call('session.get', { session })
  }
}

function spawnFailure(thrown: unknown): string {
  if (thrown instanceof CommandFailed || thrown instanceof RpcError) return thrown.message
  const { message } = ProtocolError.from(thrown, 'client')
  return `Failed to spawn agent: Agent spawn failed: ${message}`
}
