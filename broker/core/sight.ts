/** The rule of reach: whose things somebody has to do with. Does not find any: visible.ts does. */
import type { Identity } from '../../protocol/link/broker-link.ts'

export interface Sight {
  /** It has to do with its own things only. */
  readonly isLimited: boolean
  /** Whether it has to do with what this principal has created. */
  readonly sees: (owner: string) => boolean
}

export const EVERYTHING: Sight = { isLimited: false, sees: () => true }

export function sightOf({ principal, reach }: Pick<Identity, 'principal' | 'reach'>): Sight {
  if (reach !== 'own') return EVERYTHING
  return { isLimited: true, sees: (owner) => owner === principal }
}
