/**
 * What the record of a call says of it: who asked, and what it is about. Of the parameters nothing else is
 * ever read, and what names a session, a task or a host is recorded as the id that the broker has for it: a
 * text that names nothing here is left out, for it may be anything.
 */
import type { Identity } from '../../../protocol/link/broker-link.ts'
import { type BrokerMethod, METHODS, type Params } from '../../../protocol/methods/index.ts'
import type { CallRequest } from '../calls.ts'
import type { Core } from '../core.ts'
import { partsOfKey } from '../idempotency.ts'
import { connectionName } from '../readers.ts'
import { EVERYTHING } from '../sight.ts'
import { type Asked, keyHash, type Target } from './entry.ts'

/** W3C Trace Context, version 00 and such as may come. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

export interface Caller {
  readonly identity: Identity
  /** Empty = none. */
  readonly connection: string
  readonly trace: string
  /** Idempotency key; empty = none. */
  readonly key: string
}

type Finder<P> = (core: Core, params: P) => Target

const ofSession: Finder<{ readonly session: string }> = (core, { session }) => ({
  session: core.sessions.resolve(session, EVERYTHING).session,
})
const ofTask: Finder<{ readonly task: string }> = (core, { task }) => ({
  target: core.tasks.resolve(task),
})
const ofHost: Finder<{ readonly host?: string }> = (core, { host }) =>
  host === undefined ? {} : { target: core.hosts.resolve(host).id }
const ofKey: Finder<{ readonly key: string }> = (_core, { key }) => ({ target: key })
const ofPrincipal: Finder<{ readonly principal: string }> = (_core, { principal }) => ({
  target: principal,
})
/** It has no id yet: the method gives it one, and tells with `Call.names`. */
const ofNothing: Finder<object> = () => ({})

/** Every mutating method has to be here. */
export const FINDERS: { readonly [M in BrokerMethod]?: Finder<Params<M>> } = {
  'session.create': ofHost,
  'session.prompt': ofSession,
  'session.interrupt': ofSession,
  'session.stop': ofSession,
  'session.kill': ofSession,
  'session.recover': ofSession,
  'session.remove': ofSession,
  'session.rename': ofSession,
  'session.annotate': ofSession,
  'session.pause': ofSession,
  'session.resume': ofSession,
  'session.signal': ofSession,
  'session.write': ofSession,
  'session.set_mode': ofSession,
  'session.batch': ofNothing, // each of its parts has a record of its own
  'approval.answer': (core, params) => {
    const { session, approval } = core.approvals.resolve(params.approval, () => true)
    return { session, target: approval }
  },
  'host.drain': ofHost,
  'host.undrain': ofHost,
  'workflow.execute': ofNothing,
  'workflow.cancel': (core, { execution }) => ({
    target: core.workflows.resolve(execution, EVERYTHING).record.execution,
  }),
  'task.create': ofNothing,
  'task.update': ofTask,
  'task.approve': ofTask,
  'task.remove': ofTask,
  'key.add': ofPrincipal,
  'key.approve': ofPrincipal,
  'key.revoke': (core, { principal = '', key = '' }) => {
    const known = core.principals.latest(principal) ?? core.principals.matching(key)[0]
    return known ? { target: known.principal } : {}
  },
  'key.rotate': (_core, { step }) => ({ target: step }),
  'state.set': ofKey,
  'state.delete': ofKey,
}

/** Of a call whose parameters have been checked; undefined for one that changes nothing. */
export function askedOf<M extends BrokerMethod>(
  core: Core,
  { method, params, identity, trace, keyed }: CallRequest<M>,
  connection: string,
): Asked | undefined {
  if (!METHODS[method].mutating) return undefined
  const { key } = partsOfKey(keyed?.key ?? '')
  const caller = { identity, connection, trace, key }
  return { ...askedBy(method, caller), ...targetOf(core, method, params) }
}

/** What a method is about, as far as its parameters tell. */
export function targetOf<M extends BrokerMethod>(core: Core, method: M, params: Params<M>): Target {
  const find = FINDERS[method] as Finder<Params<M>> | undefined
  return attempt(() => find?.(core, params) ?? {})
}

/** The session that the head of a request names. */
export function targetOfHead(core: Core, target: string): Target {
  return attempt(() => (target === '' ? {} : ofSession(core, { session: target })))
}

/** Filled in and not spread together, because that is done for each call. */
export function askedBy(method: BrokerMethod, { identity, connection, trace, key }: Caller): Asked {
  const asked: { -readonly [F in keyof Asked]: Asked[F] } = {
    principal: identity.principal,
    ...(identity.via !== undefined && { via: identity.via }),
    method,
  }
  if (connection !== '') asked.connection = connectionName(connection)
  if (key !== '') asked.key = keyHash(key)
  if (TRACEPARENT.test(trace)) asked.trace = trace
  return asked
}

/** What is asked for may not be there, or fit several: the call will say so. */
function attempt(find: () => Target): Target {
  try {
    return find()
  } catch {
    return {}
  }
}
