/** Finds a session that lives, on a host that is here, for whoever wants to do something to it. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { BrokerMethod, HostMethod, Params } from '../../protocol/methods/index.ts'
import type { Call } from './calls.ts'
import type { Core } from './core.ts'
import { hostAway } from './host-away.ts'
import type { HostAnswer } from './host-calls.ts'
import type { Host } from './hosts.ts'
import { isLive, type SessionRecord } from './sessions.ts'
import { visible } from './visible.ts'

interface Controlled {
  readonly record: SessionRecord
  readonly host: Host
}

/** Of methods that name one session. */
type SessionCall = Pick<Call<BrokerMethod>, 'identity' | 'method' | 'connection' | 'trace'> & {
  readonly params: { readonly session: string }
}

/** Throws NO_SUCH_SESSION, AMBIGUOUS_SESSION, WRONG_STATE or HOST_LOST. */
export function controlled(core: Core, call: SessionCall, action: string): Controlled {
  return onItsHost(core, visible(core, call).session(call.params.session), action)
}

/** Throws WRONG_STATE or HOST_LOST. */
export function onItsHost(core: Core, record: SessionRecord, action: string): Controlled {
  const { session, status } = record
  if (!isLive(record)) throw new ProtocolError('WRONG_STATE', { session, status, action })
  const host = core.hosts.get(record.host)
  if (!host || host.connection === undefined) throw hostAway(core, record)
  return { record, host }
}

/** The same, for what only a process that takes prompts can do. */
export function ready(core: Core, call: SessionCall, action: string): Controlled {
  const found = controlled(core, call, action)
  const { session, status } = found.record
  if (status === 'idle' || status === 'running') return found
  throw new ProtocolError('WRONG_STATE', { session, status, action })
}

/** Asks whatever host has the session now; HOST_LOST when it was forgotten meanwhile. */
export function askHost<M extends HostMethod>(
  core: Core,
  record: SessionRecord,
  request: { readonly method: M; readonly params: Params<M>; readonly trace?: string },
  done: (answer: HostAnswer<M>) => void,
): void {
  const host = core.hosts.get(record.host)
  if (host) core.hostCalls.request(host, request, done)
  else done({ ok: false, error: new ProtocolError('HOST_LOST', { host: record.host }) })
}
