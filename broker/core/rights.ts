/** What a connection may do, by what its principal is and what it asked to be; and for whom a gateway may act. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Identity } from '../../protocol/link/broker-link.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import { hasScope, type Scope } from '../../protocol/methods/define.ts'
import { type BrokerMethod, METHODS } from '../../protocol/methods/index.ts'
import type { PrincipalRecord } from './principals.ts'

/** The users of this machine: whoever can open the socket in the private directory has every right. */
export const LOCAL = 'local'

/** Roles of people, each with all rights of those before it. */
const LADDER: readonly Role[] = ['observer', 'operator', 'admin']

/**
 * The roles that a connection gets. A host is what it asks to be, or nothing; people get the highest of their
 * roles that is not above what they ask for. A gateway keeps what it is beside that, up to an operator. An
 * admin may be anything.
 */
export function granted(roles: readonly Role[], wanted: Role): readonly Role[] {
  const isAllowed = roles.includes('admin') || roles.includes(wanted)
  if (wanted === 'gateway') return isAllowed ? [wanted, ...asPerson(roles, 'operator')] : []
  return isAllowed ? [wanted] : asPerson(roles, wanted)
}

/** The highest of these roles that is not above the one that is wanted; an admin is an operator as well. */
function asPerson(roles: readonly Role[], wanted: Role): readonly Role[] {
  if (roles.includes('admin') && LADDER.includes(wanted)) return [wanted]
  const rung = LADDER.indexOf(wanted)
  const highest = LADDER.slice(0, rung + 1).findLast((role) => roles.includes(role))
  return highest === undefined ? [] : [highest]
}

export function identityOf(
  { principal, reach }: Pick<PrincipalRecord, 'principal' | 'reach'>,
  roles: readonly Role[],
): Identity {
  return { principal, roles, ...(reach === 'own' && { reach }) }
}

/**
 * The user that a gateway acts for, with the rights that user has of its own. Nobody administers through a
 * gateway: whoever takes one over shall not be able to make keys. Undefined for whom it may not act.
 */
export function actingFor(gateway: Identity, user: PrincipalRecord): Identity | undefined {
  const roles = asPerson(user.roles, 'operator')
  if (roles.length === 0 || user.principal === gateway.principal) return undefined
  const reach = gateway.reach ?? user.reach
  return { ...identityOf({ principal: user.principal, reach }, roles), via: gateway.principal }
}

/** Whether a principal, as it is now, may do what this scope stands for. A user of this machine may. */
export function mayStill(record: PrincipalRecord | undefined, scope: Scope): boolean {
  return record === undefined || hasScope(asPerson(record.roles, 'operator'), scope)
}

/** Throws FORBIDDEN. */
export function authorise(identity: Identity, method: BrokerMethod): void {
  const { scope, reach } = METHODS[method]
  if (!hasScope(identity.roles, scope)) throw forbidden(identity.principal, scope, method)
  if (identity.reach === 'own' && reach !== 'own') throw needsReachAll({ identity, method })
}

export function needsReachAll({
  identity,
  method,
}: {
  readonly identity: Identity
  readonly method: BrokerMethod
}): ProtocolError {
  return forbidden(identity.principal, 'reach all', method)
}

export function forbidden(principal: string, scope: string, method: BrokerMethod): ProtocolError {
  return new ProtocolError('FORBIDDEN', { principal, scope, method })
}
