/** People of the core harness: principals with a record, and a client for each. */
import type { Role } from '../../protocol/messages/handshake.ts'
import type { Reach } from '../../protocol/methods/define.ts'
import type { CoreHarness } from './core-harness.ts'
import { Client } from './core-peers.ts'

export interface Rights {
  readonly roles?: readonly Role[]
  readonly reach?: Reach
}

/** An admin adds the principal, or changes it. */
export function addPrincipal(harness: CoreHarness, principal: string, rights: Rights = {}): void {
  const { roles = ['operator'], reach = 'all' } = rights
  new Client(harness).call('key.add', { principal, roles: [...roles], reach })
}

/** A principal with a record, connected in its first role. */
export function person(harness: CoreHarness, principal: string, rights: Rights = {}): Client {
  addPrincipal(harness, principal, rights)
  const { roles: [role = 'operator'] = [], reach } = rights
  return new Client(harness, principal, [role], reach === 'own' ? { reach } : {})
}
