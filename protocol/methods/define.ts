/** How a method is defined: parameters, result, scope and errors in one constant. */

import type { ErrorCode } from '../errors.ts'
import type { Role } from '../messages/handshake.ts'
import type { TSchema } from '../typebox.ts'

/** Rights that methods ask for. */
export const SCOPES = ['read', 'control', 'host', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** What each role may do. `gateway` has no rights of its own: it acts for users, with the rights of each. */
export const ROLE_SCOPES: Readonly<Record<Role, readonly Scope[]>> = {
  observer: ['read'],
  operator: ['read', 'control'],
  host: ['host'],
  gateway: [],
  admin: ['read', 'control', 'host', 'admin'],
}

/** What a principal has to do with: all sessions, or those that it has created. */
export const REACHES = ['all', 'own'] as const
export type Reach = (typeof REACHES)[number]

/** Whether one of the roles has the scope. Asked for each request, so it makes nothing. */
export function hasScope(roles: readonly Role[], scope: Scope): boolean {
  return roles.some((role) => ROLE_SCOPES[role].includes(scope))
}

export type Answerer = 'broker' | 'host'

export interface MethodSpec<W extends Answerer, P extends TSchema, R extends TSchema> {
  readonly description: string
  /** Who answers: the broker itself, or the host of the session (called by the broker only). */
  readonly answeredBy: W
  readonly scope: Scope
  /**
   * Set: a caller with reach `own` may call it, and to that caller nothing exists but what is its own. Absent:
   * it is about what belongs to everybody, and needs reach `all`.
   */
  readonly reach?: 'own'
  /** Changes something: runs at most once per idempotency key and is journalled before it starts. */
  readonly mutating: boolean
  readonly params: P
  readonly result: R
  /** Errors of its own, besides those any request can end with. */
  readonly errors: readonly ErrorCode[]
}

export interface MethodDefinition<
  N extends string,
  W extends Answerer,
  P extends TSchema,
  R extends TSchema,
> extends MethodSpec<W, P, R> {
  readonly name: N
}

export function defineMethod<
  const N extends string,
  const W extends Answerer,
  P extends TSchema,
  R extends TSchema,
>(name: N, spec: MethodSpec<W, P, R>): MethodDefinition<N, W, P, R> {
  return { ...spec, name }
}
