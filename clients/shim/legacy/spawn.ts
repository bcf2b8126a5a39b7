/** agent.spawn: an agent type and a config become a session with its first prompt. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Params, SessionInfo } from '../../sdk/index.ts'
import type { BackendChoice } from './agent-types.ts'
import { asRpcError, isCode, spawnFailure } from './failures.ts'
import { withHost } from './host-wait.ts'
import { keptConfig } from './kept-config.ts'
import type { LegacyPorts } from './ports.ts'
import { type RpcError, spawnFailed } from './rpc-error.ts'

export interface SpawnRequest {
  readonly name: string
  readonly type: string
  /** As it came. */
  readonly config: unknown
  /** Whether a type that nobody knows is the usual one. */
  readonly isLoose: boolean
  /** How long the start may take, ms; default: as any call. */
  readonly deadlineMs?: number
  /** Kept with the session as well. */
  readonly notes?: Readonly<Record<string, string>> | null
}

/** Characters of a task that are kept to be shown; the agent gets all of it. */
const TASK_KEPT = 1000
/** What the old runner told a program that nobody gave a task. */
const NO_TASK = 'No task specified'

/** Throws RpcError. */
export async function spawn(ports: LegacyPorts, request: SpawnRequest): Promise<SessionInfo> {
  const choice = ports.types.choose(request.type, request.isLoose)
  if (choice.kind === 'unsupported') {
    const { type } = request
    throw spawnFailed(
      `Unsupported model backend for process spawning: ${type}. Use API mode instead.`,
    )
  }
  try {
    return await withHost(ports, async () => {
      if (choice.kind === 'program') await checkOffered(ports, choice.backend)
      return await create(ports, request, choice)
    })
  } catch (thrown) {
    throw failure(ports, request, thrown)
  }
}

/** What is answered is in old words, which may say less than is known; the log has it all. */
function failure({ log }: LegacyPorts, { type }: SpawnRequest, thrown: unknown): RpcError {
  const error = ProtocolError.from(thrown, 'client')
  log.warn({ agent_type: type, code: error.code, reason: error.message }, 'no agent was started')
  if (isCode(thrown, 'DEADLINE_EXCEEDED', 'UNREACHABLE', 'CONNECTION_CLOSED')) {
    return asRpcError(thrown)
  }
  return spawnFailed(spawnFailure(type, error))
}

/** Only what a host names as a plain program may be run by a name out of a request. */
async function checkOffered({ client }: LegacyPorts, backend: string): Promise<void> {
  const { hosts } = await client.call('host.list', {})
  const isOffered = hosts.some(({ backends }) =>
    backends.some(({ name, capabilities }) => name === backend && capabilities.includes('write')),
  )
  if (isOffered) return
  if (!hosts.some(({ status }) => status === 'online')) {
    throw new ProtocolError('NO_HOST', { reason: 'none is connected' }, { where: 'client' })
  }
  const reason = 'its name came in a request, and no host names such a program'
  throw new ProtocolError('NO_BACKEND', { backend, reason }, { where: 'client' })
}

async function create(
  { client, log }: LegacyPorts,
  { name, type, config, deadlineMs, notes }: SpawnRequest,
  { kind, backend }: Exclude<BackendChoice, { kind: 'unsupported' }>,
): Promise<SessionInfo> {
  const wishes = wishesOf(config)
  const task = wishes.task ?? ''
  const kept = keptConfig(config)
  if (kept === undefined)
    log.warn({ agent: name }, 'the config is too large to be kept with the agent')
  const deadline = deadlineMs === undefined ? {} : { deadlineMs }
  const start = {
    backend,
    ...(kind === 'program' ? programStart(wishes.start, task) : wishes.start),
    metadata: {
      mode: 'agent',
      agent_name: name,
      agent_type: type,
      task: task.slice(0, TASK_KEPT),
      config: kept ?? null,
      ...(notes && { spawn: notes }),
    },
  }
  const info = await client.call('session.create', start, deadline)
  if (kind === 'backend' && task !== '') {
    await client.call('session.prompt', { session: info.session, text: task })
  }
  return info
}

type Start = Omit<Params<'session.create'>, 'backend'>

interface Wishes {
  readonly task: string | undefined
  readonly start: Start
}

/** A plain program knows no settings: it gets its task as an argument, and words in its environment. */
function programStart(
  { context, system_prompt, model: _none, env, ...start }: Start,
  task: string,
) {
  const words = {
    ...(context !== undefined && { AGENT_CONTEXT: context }),
    ...(system_prompt !== undefined && { AGENT_SYSTEM_PROMPT: system_prompt }),
  }
  return { ...start, env: { ...env, ...words }, extra_args: [task === '' ? NO_TASK : task] }
}

/** What of a config is understood; the rest is only kept. */
function wishesOf(config: unknown): Wishes {
  if (typeof config !== 'object' || config === null) return { task: undefined, start: {} }
  const { task, context, system_prompt, model, working_dir, environment } = config as Readonly<
    Record<string, unknown>
  >
  const env = textsOf(environment)
  return {
    task: textOf(task),
    start: {
      ...(textOf(working_dir) && { cwd: textOf(working_dir) }),
      ...(textOf(context) && { context: textOf(context) }),
      ...(textOf(system_prompt) && { system_prompt: textOf(system_prompt) }),
      ...(textOf(model) && { model: textOf(model) }),
      ...(env && { env }),
    } as Start,
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** An object of strings; undefined as a whole when one is none. */
function textsOf(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const entries = Object.entries(value)
  if (entries.length === 0 || !entries.every(([, item]) => typeof item === 'string')) {
    return undefined
  }
  return Object.fromEntries(entries) as Record<string, string>
}
