/** HOST_LOST for work that is asked of a host that is away. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Core } from './core.ts'
import type { Host } from './hosts.ts'
import type { SessionRecord } from './sessions.ts'

/** A host that has been away for less than this is likely to be back in a moment, ms. */
const BACK_SOON_MS = 5000
const RETRY_AFTER_MS = 100

/** The host, or this broker, has only just gone: then it is on its way back. */
export function isBackSoon(core: Core, record: SessionRecord): boolean {
  const host = core.hosts.get(record.host)
  return host ? hasJustLeft(host, core.clock.now()) : core.uptimeMs < BACK_SOON_MS
}

function hasJustLeft({ leftAt }: Host, now: number): boolean {
  return now - leftAt < BACK_SOON_MS
}

/** Says when to try again while the host is likely to be back in a moment. */
export function hostAway(core: Core, record: SessionRecord): ProtocolError {
  const name = core.hosts.get(record.host)?.registration.name ?? record.host
  return awayError(name, isBackSoon(core, record))
}

/** The same of a host that is known. `now`: monotonic, ms. */
export function connectionAway(host: Host, now: number): ProtocolError {
  return awayError(host.registration.name, hasJustLeft(host, now))
}

function awayError(host: string, isSoonBack: boolean): ProtocolError {
  const origin = isSoonBack ? { retryAfterMs: RETRY_AFTER_MS } : {}
  return new ProtocolError('HOST_LOST', { host }, origin)
}
