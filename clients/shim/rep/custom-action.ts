/** Actions that ask the daemon about an agent; none of them reaches its process. */
import type { SessionInfo } from '../../sdk/index.ts'
import { agentInfo } from '../agents/agent.ts'
import { CommandFailed } from './command-failed.ts'
import { type Json, quote } from './wire-types.ts'

type Action = (params: Json | null, agent: SessionInfo, wallMs: number) => Json

const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['echo', (params) => ({ action: 'echo', result: params })],
  ['ping', (_params, { session }) => ({ action: 'ping', result: 'pong', agent_id: session })],
  [
    'get_env',
    (_params, agent, wallMs) => ({ action: 'get_env', result: environment(agent, wallMs) }),
  ],
])

/** Throws CommandFailed. */
export function customAction(
  action: string,
  params: Json | null,
  agent: SessionInfo,
  wallMs: number,
): Json {
  const run = ACTIONS.get(action)
  if (run) return run(params, agent, wallMs)
  const known = [...ACTIONS.keys()].join(', ')
  throw new CommandFailed(`Unknown custom action: ${quote(action)}. Available actions: ${known}`)
}

function environment(agent: SessionInfo, wallMs: number): Json {
  const { id, name, status } = agentInfo(agent)
  const age = Math.max(0, Math.floor((wallMs - agent.changed_at) / 1000))
  return { agent_id: id, name, status, last_status_update_secs: age }
}
