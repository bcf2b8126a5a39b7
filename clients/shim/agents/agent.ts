/** A session as the agent that old clients know: every session that is no chat. */

import { ProtocolError } from '../../../protocol/errors.ts'
import type { Actor, SessionInfo } from '../../sdk/index.ts'
import type { AgentInfo, AgentStatus } from '../rep/layouts.ts'
import { everySession } from '../sessions.ts'

/** What the shim keeps in the metadata of a session. */
export interface AgentNotes {
  readonly mode?: unknown
  readonly agent_name?: unknown
  readonly agent_type?: unknown
  readonly task?: unknown
  readonly paused_at?: unknown
  readonly terminated?: unknown
}

const isOnlyChat = ({ metadata }: SessionInfo): boolean => metadata['mode'] === 'chat'

const TERMINAL: ReadonlySet<AgentStatus> = new Set(['completed', 'failed', 'terminated'])
export const isTerminal = (status: AgentStatus): boolean => TERMINAL.has(status)

export function statusOf({ status, paused, exit_code, metadata }: SessionInfo): AgentStatus {
  switch (status) {
    case 'created':
    case 'lost': // its host is away, and may come back with it
      return 'idle'
    case 'starting':
      return 'initializing'
    case 'idle':
    case 'running':
      return paused === '' ? 'running' : 'paused'
    case 'stopping':
      return 'running' // until its process is gone
    case 'failed':
      return 'failed'
    case 'ended':
      return exit_code === 0 && metadata['terminated'] !== true ? 'completed' : 'terminated'
  }
}

export function agentInfo(info: SessionInfo): AgentInfo {
  const notes: AgentNotes = info.metadata
  return {
    id: info.session,
    name: textOr(notes.agent_name, info.name || info.session),
    status: statusOf(info),
    model_backend: textOr(notes.agent_type, info.backend),
    started_at: info.created_at,
    task: textOr(notes.task, ''),
    paused_at: typeof notes.paused_at === 'number' && info.paused !== '' ? notes.paused_at : null,
    pause_mode: pauseMode(info),
    attach_info: null,
  }
}

export function pauseMode({ paused }: SessionInfo): 'cooperative' | 'forced' | null {
  if (paused === '') return null
  return paused === 'freeze' ? 'forced' : 'cooperative'
}

function textOr(value: unknown, other: string): string {
  return typeof value === 'string' ? value : other
}

/** The agent with this id; undefined when there is none, or a chat. */
export async function findAgent(client: Actor, id: string): Promise<SessionInfo | undefined> {
  try {
    const info = await client.call('session.get', { session: id })
    return isOnlyChat(info) ? undefined : info
  } catch (thrown) {
    if (ProtocolError.from(thrown, 'client').code === 'NO_SUCH_SESSION') return undefined
    throw thrown
  }
}

/** Every agent, newest first. */
export async function* agents(
  client: Actor,
  status?: readonly SessionInfo['status'][],
): AsyncGenerator<SessionInfo, void> {
  for await (const info of everySession(client, status)) if (!isOnlyChat(info)) yield info
}

/** Statuses of sessions that hold a slot or may need one again. */
export const LIVE = ['created', 'starting', 'idle', 'running', 'stopping', 'lost'] as const
