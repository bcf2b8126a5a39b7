/** What is to be recorded, before the chain gives it its place: the types that the rest of the core hands on. */
import { hash } from 'node:crypto'
import type { WireError } from '../../../protocol/errors.ts'
import { type AuditBody, type AuditEvent, DONE } from '../../../protocol/messages/audit.ts'

/** A record without its place in the chain. */
export type Entry = Omit<AuditBody, 'prev' | 'hash'>

/** What is known of a call before it has ended. Ids only: it goes into the journal with the request. */
export type Asked = Omit<Entry, 'outcome' | 'executed' | 'count' | 'since' | 'details'>

/** What a call is about, by ids that the broker knows. */
export type Target = Pick<Asked, 'session' | 'target'>

/** Something that happened and is no call; `outcome` and `executed` are those of success unless they are said. */
export type Note = Partial<Omit<Entry, 'method'>> & { readonly event: AuditEvent }

/** An entry on its way to the journal: it gets its number and its hash when its group goes there. */
export interface AuditOperation {
  readonly op: 'audit'
  readonly entry: Entry
}

/** How a call ended, as far as its record tells. */
export type Ended =
  | { readonly state: 'replied' }
  | { readonly state: 'failed'; readonly error: Pick<WireError, 'code' | 'executed'> }

export function entryOf(asked: Asked, ended: Ended): Entry {
  if (ended.state === 'replied') return { ...asked, outcome: DONE, executed: 'yes' }
  const { code, executed } = ended.error
  return { ...asked, outcome: code, executed }
}

export function entryOfNote({ event, ...rest }: Note): Entry {
  return { principal: '', outcome: DONE, executed: 'yes', ...rest, method: event }
}

/** Of an idempotency key, which its caller chose: whoever has the key finds the record, nobody else learns it. */
export function keyHash(key: string): string {
  return hash('sha256', key, 'base64url')
}
