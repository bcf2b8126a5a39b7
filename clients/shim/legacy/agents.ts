/** The agents of the old API: finding, listing, ending, pausing. */
import type { SessionInfo } from '../../sdk/index.ts'
import { agents as everyAgent, findAgent, statusOf } from '../agents/agent.ts'
import { asRpcError, isCode } from './failures.ts'
import type { LegacyPorts } from './ports.ts'
import { agentNotFound, killFailed, RpcError } from './rpc-error.ts'
import { debugStatus, httpStatus } from './statuses.ts'
import { rfc3339 } from './times.ts'
import { parseUuid } from './uuid.ts'

/** The agent with this id and no other: neither a name nor the start of an id will do. */
export async function requireAgent({ client }: LegacyPorts, id: string): Promise<SessionInfo> {
  const session = parseUuid(id)
  const info = session === undefined ? undefined : await findAgent(client, session)
  if (info === undefined || info.session !== session) throw agentNotFound(id)
  return info
}

/** Every agent once, newest first; a page may repeat one when others came meanwhile. */
export async function listAgents({ client }: LegacyPorts): Promise<SessionInfo[]> {
  const found = new Map<string, SessionInfo>()
  for await (const info of everyAgent(client)) found.set(info.session, info)
  return [...found.values()]
}

/** AgentInfo as HTTP has it, its members in alphabetical order. */
export function agentInfo(info: SessionInfo): object {
  const { agent_name, config } = info.metadata
  return {
    config: config ?? null,
    created_at: rfc3339(info.created_at),
    id: info.session,
    name: typeof agent_name === 'string' ? agent_name : info.name || info.session,
    pid: info.last_pid ?? info.pid,
    status: httpStatus(info),
    updated_at: rfc3339(info.changed_at),
  }
}

/** Ends an agent at once; one that has ended already stays so. */
export async function killAgent(ports: LegacyPorts, id: string): Promise<void> {
  const { session } = await requireAgent(ports, id)
  try {
    const { status } = await ports.client.call('session.kill', { session })
    if (status === 'ended') {
      await ports.client.call('session.annotate', { session, metadata: { terminated: true } })
    }
  } catch (thrown) {
    if (isCode(thrown, 'WRONG_STATE')) return
    if (isCode(thrown, 'NO_SUCH_SESSION')) throw agentNotFound(id)
    const error = asRpcError(thrown)
    throw error.code === -32603 ? killFailed((thrown as Error).message) : error
  }
}

/** `force` stops its processes as well. */
export async function pauseAgent(
  ports: LegacyPorts,
  id: string,
  force: boolean,
): Promise<SessionInfo> {
  const info = await requireAgent(ports, id)
  if (statusOf(info) !== 'running') {
    throw new RpcError(-32013, `Agent is not running (status: ${debugStatus(info)})`)
  }
  const { session } = info
  try {
    const paused = await ports.client.call('session.pause', {
      session,
      mode: force ? 'freeze' : 'hold',
    })
    const metadata = { paused_at: ports.wall() }
    await ports.client.call('session.annotate', { session, metadata })
    return paused
  } catch (thrown) {
    throw controlFailed(-32013, 'pause', thrown)
  }
}

export async function resumeAgent(ports: LegacyPorts, id: string): Promise<SessionInfo> {
  const info = await requireAgent(ports, id)
  if (statusOf(info) !== 'paused') {
    throw new RpcError(-32014, `Agent is not paused (status: ${debugStatus(info)})`)
  }
  try {
    return await ports.client.call('session.resume', { session: info.session })
  } catch (thrown) {
    throw controlFailed(-32014, 'resume', thrown)
  }
}

function controlFailed(code: number, verb: string, thrown: unknown): RpcError {
  const error = asRpcError(thrown)
  if (error.code !== -32603) return error
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  return new RpcError(code, `Failed to ${verb} agent: ${reason}`)
}
