/**
 * The variables by which a process of a session is known in /proc after it has left its parent and
 * its process group. Children inherit them; a CLI that starts its tools with setsid keeps them.
 */
import type { ProcessIdentity } from './process-tree.ts'

/** The session that the process works for. */
export const SESSION_VARIABLE = 'AGENTMQ_SESSION'
/** Id of the host that started it; survives a restart of the host. */
export const HOST_VARIABLE = 'AGENTMQ_HOST'
/** The life of the host that started it: pid and start time, since pids come again. */
export const HOST_PID_VARIABLE = 'AGENTMQ_HOST_PID'

export type Markers = Readonly<Record<string, string>>

/** Markers that every process of one life of one host carries. */
export function hostMarkers(hostId: string, host: ProcessIdentity): Markers {
  return { [HOST_VARIABLE]: hostId, [HOST_PID_VARIABLE]: formatIdentity(host) }
}

/** Markers of the processes of one session. */
export function sessionMarkers(session: string, hostId: string, host: ProcessIdentity): Markers {
  return { [SESSION_VARIABLE]: session, ...hostMarkers(hostId, host) }
}

function formatIdentity(identity: ProcessIdentity): string {
  return `${identity.pid}:${identity.startTicks}`
}

/** The reverse of what `HOST_PID_VARIABLE` holds; undefined for anything else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const match = /^(\d{1,10}):(\d{1,15})$/.exec(text)
  return match === null ? undefined : { pid: Number(match[1]), startTicks: Number(match[2]) }
}
