/** A record of the audit log as it comes out of the journal. */
import { decodeTrusted } from '../../../protocol/codec.ts'
import { AuditBody, type AuditRecord } from '../../../protocol/messages/audit.ts'
import { matches } from '../../../protocol/schema.ts'
import type { StoredChunk } from '../../journal/journal.ts'

/** Undefined for what the broker did not write: whoever can write the file can put anything there. */
export function recordOf({ sequence: seq, time, body }: StoredChunk): AuditRecord | undefined {
  const value = decoded(body)
  return matches(AuditBody, value) ? { ...value, seq, time } : undefined
}

function decoded(body: Buffer): unknown {
  try {
    return decodeTrusted(body)
  } catch {
    return undefined
  }
}
