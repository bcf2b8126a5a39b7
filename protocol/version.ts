/** Protocol version and its negotiation (docs/protocol.md section 2). */
import { ProtocolError } from './errors.ts'

/** Raised when peers of the old number would misread frames. */
export const PROTOCOL_MAJOR = 1
/** Raised when something was added that older peers can live without. */
export const PROTOCOL_MINOR = 0
export const PROTOCOL_VERSION = `${PROTOCOL_MAJOR}.${PROTOCOL_MINOR}`

/** A gateway may name the user that it acts for in a REQUEST. */
export const USERS_FEATURE = 'users'

/** Optional abilities of this implementation; a peer uses one only when both sides name it. */
export const FEATURES: readonly string[] = ['streams', 'tickets', USERS_FEATURE]

/** The lower minor of the two; VERSION_MISMATCH when the majors differ. */
export function negotiateMinor(theirs: { readonly major: number; readonly minor: number }): number {
  if (theirs.major !== PROTOCOL_MAJOR) {
    throw new ProtocolError('VERSION_MISMATCH', {
      theirs: `${theirs.major}.${theirs.minor}`,
      ours: PROTOCOL_VERSION,
    })
  }
  return Math.min(theirs.minor, PROTOCOL_MINOR)
}

/** Name and version of this software, for people; the version is that of package.json. */
export const SOFTWARE = 'agentmq 0.1.0'
