/** spawn_request: an agent type becomes a backend, its task the first prompt. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Params, SessionInfo } from '../../sdk/index.ts'
import { agentInfo, agents, LIVE } from '../agents/agent.ts'
import { CommandFailed } from './command-failed.ts'
import type { AgentConfig, MessageOf } from './layouts.ts'
import type { RepPorts } from './ports.ts'
import type { Reply } from './refusal.ts'

const DEFAULT_TIMEOUT_S = 30
const MAX_TIMEOUT_S = 600
/** Characters of a task that are kept to be shown; the agent gets all of it. */
const TASK_KEPT = 2000

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
      return { ...reply, success: false, agent_info: null, error: spawnFailure(thrown, request) }
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
    const { client, backendOf } = this.#ports
    const { model_backend, task } = config
    const backend = backendOf(model_backend)
    if (backend === undefined) {
      throw new CommandFailed(
        `Failed to spawn agent: Agent spawn failed: Unsupported model backend for process spawning: ${model_backend}. Use API mode instead.`,
      )
    }
    const seconds = Math.min(Math.max(1, timeout_secs ?? DEFAULT_TIMEOUT_S), MAX_TIMEOUT_S)
    const deadline = { deadlineMs: seconds * 1000 }
    const info = await client.call('session.create', startOf(config, backend, metadata), deadline)
    const { session } = info
    if (task.trim() !== '') await client.call('session.prompt', { session, text: task }, deadline)
    return client.call('session.get', { session })
  }
}

function startOf(
  config: AgentConfig,
  backend: string,
  metadata: SpawnRequest['metadata'],
): Params<'session.create'> {
  const { name, model_backend, task, context, system_prompt, environment, model } = config
  return {
    backend,
    ...(context !== null && { context }),
    ...(system_prompt !== null && { system_prompt }),
    ...(model !== null && { model }),
    ...(Object.keys(environment).length > 0 && { env: { ...environment } }),
    metadata: {
      mode: 'agent',
      agent_name: name,
      agent_type: model_backend,
      task: task.slice(0, TASK_KEPT),
      ...(metadata && { spawn: metadata }),
    },
  }
}

function spawnFailure(thrown: unknown, { config }: SpawnRequest): string {
  if (thrown instanceof CommandFailed) return thrown.message
  const { code, message: said } = ProtocolError.from(thrown, 'client')
  // What no host offers does not exist, in the words of the old runner.
  const message = code === 'NO_BACKEND' ? 'No such file or directory (os error 2)' : said
  return `Failed to spawn agent: Agent spawn failed: Failed to spawn process for backend '${config.model_backend}': ${message}`
}
