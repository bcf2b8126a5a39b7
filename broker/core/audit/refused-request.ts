/** Records of requests that were refused where they left no record as calls: before they were begun, or for want of a right. */
import type { ProtocolError } from '../../../protocol/errors.ts'
import type { HeadFor } from '../../../protocol/messages/index.ts'
import { type BrokerMethod, isMethod, METHODS } from '../../../protocol/methods/index.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { isOwnStream } from '../events.ts'
import type { Incoming } from '../handlers/handler.ts'
import { askedBy, targetOfHead } from './asked.ts'
import type { Target } from './entry.ts'

type Refused = Pick<Incoming<'REQUEST'>, 'connection' | 'identity' | 'head'>

/** One that was not begun, and would have changed something or is none of its sender's business. */
export function auditRefusal(
  core: Core,
  { connection, identity, head }: { readonly head: HeadFor<'REQUEST'> } & Refused,
  error: ProtocolError,
): void {
  const method = auditedMethod(head.method, error)
  if (!method) return
  const { trace, key, target } = head
  const asked = askedBy(method, { identity, connection, trace, key })
  core.audit.refused({ ...asked, ...targetOfHead(core, target) }, error)
}

function auditedMethod(name: string, { code }: ProtocolError): BrokerMethod | undefined {
  if (!isMethod(name) || METHODS[name].answeredBy !== 'broker') return undefined
  return METHODS[name].mutating || code === 'FORBIDDEN' ? (name as BrokerMethod) : undefined
}

/** A call that changes nothing has no record, unless it asked for what its caller may not see. */
export function auditForbidden<M extends BrokerMethod>(
  core: Core,
  call: Call<M>,
  error: ProtocolError,
): void {
  if (error.code !== 'FORBIDDEN' || METHODS[call.method].mutating) return
  core.audit.refused({ ...askedBy(call.method, { ...call, key: '' }), ...about(core, call) }, error)
}

/** The session or the stream of the broker that it names. */
function about(core: Core, { params }: { readonly params: object }): Target {
  const reference = 'session' in params && typeof params.session === 'string' ? params.session : ''
  const isStream = isOwnStream(reference) && core.events.has(reference)
  return isStream ? { target: reference } : targetOfHead(core, reference)
}
