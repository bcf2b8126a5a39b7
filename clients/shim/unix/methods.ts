/** Which method does what on the Unix socket: parameters by position, in words of its own. */
import { statusOf } from '../agents/agent.ts'
import { listAgents, requireAgent } from '../legacy/agents.ts'
import type { ControlService } from '../legacy/control.ts'
import { isList, isMap, type JsonValue, plain } from '../legacy/json/value.ts'
import type { LegacyPorts } from '../legacy/ports.ts'
import { badPositional, RpcError } from '../legacy/rpc-error.ts'
import { spawn } from '../legacy/spawn.ts'
import { debugStatus } from '../legacy/statuses.ts'
import { approveTask, countTasks, listTasks } from '../legacy/tasks.ts'
import { rfc3339Offset, unixSeconds } from '../legacy/times.ts'
import { parseUuid, uuidFault } from '../legacy/uuid.ts'

type Items = readonly JsonValue[]

const ALIASES: Readonly<Record<string, string>> = {
  'agent.spawn': 'spawn',
  'task.list': 'list_tasks',
  'task.approve': 'approve',
  'state.get': 'get_state',
}

/** Names of the positions, for callers who may name them. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  spawn: ['name', 'agent_type', 'config'],
  list_tasks: ['filter'],
  approve: ['task_id', 'approved'],
  get_state: ['entity_id'],
  'agent.pause': ['agent_id', 'force'],
  'agent.resume': ['agent_id'],
  'agent.attach.request': ['agent_id', 'client_type'],
  'agent.attach.validate': ['token'],
  'agent.attach.revoke': ['token'],
}

export class UnixMethods {
  readonly #ports: LegacyPorts
  readonly #control: ControlService

  constructor(ports: LegacyPorts, control: ControlService) {
    this.#ports = ports
    this.#control = control
  }

  /** `isStrict`: parameters may be named, and those that are ignored otherwise have to fit. */
  async call(name: string, given: JsonValue, isStrict: boolean): Promise<unknown> {
    const method = ALIASES[name] ?? name
    const params = isStrict ? positional(method, given) : given
    switch (method) {
      case 'spawn':
        return this.#spawn(params)
      case 'list_tasks':
        return this.#listTasks(params)
      case 'approve':
        return this.#approve(params)
      case 'get_state':
        return this.#getState(params, isStrict)
      case 'agent.pause': {
        const [id, force] = items(params, ' [agent_id, force]')
        return this.#control.pause(agentId(id), force === true)
      }
      case 'agent.resume':
        return this.#control.resume(agentId(items(params, ' [agent_id]')[0]))
      case 'agent.attach.request':
        return this.#control.attach(agentId(items(params, ' [agent_id, client_type]')[0]))
      case 'agent.attach.validate':
        return this.#control.validate(token(params))
      case 'agent.attach.revoke':
        return this.#control.revoke(token(params))
      default:
        throw new RpcError(-32601, 'Method not found')
    }
  }

  async #spawn(params: JsonValue): Promise<string> {
    const [name, type, config] = items(params)
    if (typeof name !== 'string') throw badPositional('Missing agent name parameter')
    if (typeof type !== 'string') throw badPositional('Missing agent type parameter')
    try {
      const given = config === undefined ? {} : plain(config)
      return (await spawn(this.#ports, { name, type, config: given, isLoose: false })).session
    } catch (thrown) {
      if (thrown instanceof RpcError && thrown.code === -32003) {
        throw new RpcError(-32603, thrown.message)
      }
      throw thrown
    }
  }

  async #listTasks(params: JsonValue): Promise<object[]> {
    const [filter] = optionalItems(params, 'filter')
    try {
      return await listTasks(this.#ports, filter ?? null)
    } catch (thrown) {
      throw storeFailed('get tasks', thrown)
    }
  }

  async #approve(params: JsonValue): Promise<object> {
    const [id, approved] = items(params)
    if (typeof id !== 'string') throw badPositional('Missing task_id parameter')
    if (typeof approved !== 'boolean') throw badPositional('Missing approved parameter')
    const task = parseUuid(id)
    if (task === undefined) throw badPositional(`Invalid task ID format: ${uuidFault(id)}`)
    try {
      return await approveTask(this.#ports, task, id, approved)
    } catch (thrown) {
      throw storeFailed('save task', thrown)
    }
  }

  async #getState(params: JsonValue, isStrict: boolean): Promise<object> {
    const [entity] = optionalItems(params, 'entity_id')
    if (typeof entity === 'string') return this.#agentState(entity)
    if (isStrict && entity !== undefined && entity !== null) {
      throw badPositional('entity_id must be a string')
    }
    return this.#systemState()
  }

  async #agentState(entity_id: string): Promise<object> {
    if (parseUuid(entity_id) === undefined) {
      throw badPositional(`Invalid entity ID format: ${entity_id}`)
    }
    const info = await requireAgent(this.#ports, entity_id).catch((thrown: unknown) => {
      throw thrown instanceof RpcError ? badPositional(thrown.message) : thrown
    })
    const { agent_name, agent_type, task } = info.metadata
    return {
      entity_id,
      entity_type: 'agent',
      model_backend: agent_type ?? info.backend,
      name: agent_name ?? info.name,
      started_at: unixSeconds(info.created_at),
      status: debugStatus(info),
      task: task ?? '',
      timestamp: rfc3339Offset(this.#ports.wall()),
    }
  }

  async #systemState(): Promise<object> {
    const agents = await listAgents(this.#ports).catch((thrown: unknown) => {
      throw storeFailed('list agents', thrown)
    })
    const running = agents.filter((info) => statusOf(info) === 'running').length
    const tasks = await countTasks(this.#ports).catch((thrown: unknown) => {
      throw storeFailed('get tasks', thrown)
    })
    return {
      agents: { running, total: agents.length },
      entity_type: 'system',
      tasks,
      timestamp: rfc3339Offset(this.#ports.wall()),
    }
  }
}

function items(params: JsonValue, shape = ''): Items {
  if (isList(params)) return params
  throw badPositional(`Expected positional parameters${shape}`)
}

function optionalItems(params: JsonValue, name: string): Items {
  if (params === null) return []
  if (isList(params)) return params
  throw badPositional(`Expected optional ${name} parameter`)
}

function agentId(id: JsonValue | undefined): string {
  if (typeof id !== 'string') throw badPositional('Missing agent_id parameter')
  if (parseUuid(id) !== undefined) return id
  throw badPositional(`Invalid agent ID format: ${uuidFault(id)}`)
}

function token(params: JsonValue): string {
  const [value] = items(params, ' [token]')
  if (typeof value !== 'string') throw badPositional('Missing token parameter')
  return value
}

function storeFailed(what: string, thrown: unknown): RpcError {
  if (thrown instanceof RpcError) return thrown
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  return new RpcError(-32603, `Failed to ${what}: ${reason}`)
}

/** Named parameters at their positions, up to the last one that is there. */
function positional(method: string, params: JsonValue): JsonValue {
  const names = NAMES[method]
  if (!isMap(params) || !names) return params
  const last = names.findLastIndex((name) => params.has(name))
  return names.slice(0, last + 1).map((name) => params.get(name) ?? null)
}
