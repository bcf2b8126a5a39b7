/** The record of a request that was refused before it became a call. */
import type { ProtocolError } from '../../../protocol/errors.ts'
import type { HeadFor } from '../../../protocol/messages/index.ts'
import { type BrokerMethod, isMethod, METHODS } from '../../../protocol/methods/index.ts'
import type { Core } from '../core.ts'
import type { Incoming } from '../handlers/handler.ts'
import { askedBy, targetOfHead } from './asked.ts'

type Refused = Pick<Incoming<'REQUEST'>, 'connection' | 'identity' | 'head'>

/** One that would have changed something, or that its sender had no right to. */
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
