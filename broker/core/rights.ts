/** What a connection may do, by what its principal is and what it asked to be. */
import type { Identity } from '../../protocol/link/broker-link.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import type { PrincipalRecord } from './principals.ts'

/** The users of this machine: whoever can open the socket in the private directory has every right. */
export const LOCAL = 'local'

/** Roles of people, each with all rights of those before it. */
const LADDER: readonly Role[] = ['observer', 'operator', 'admin']

/**
 * The roles that a connection gets. A host or a gateway is what it asks to be, or nothing; people get the
 * highest of their roles that is not above what they ask for. An admin may be anything.
 */
export function granted(roles: readonly Role[], wanted: Role): readonly Role[] {
  if (roles.includes('admin') || roles.includes(wanted)) return [wanted]
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

/** The user that a gateway acts for, with the rights that user has of its own. */
export function actingFor(gateway: Identity, user: PrincipalRecord): Identity {
  const roles = user.roles.filter((role) => LADDER.includes(role))
  return { ...identityOf(user, roles), via: gateway.principal }
}
