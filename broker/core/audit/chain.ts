/**
 * The end of the hash chain. A record is hashed when its group goes to the journal, because only there its
 * number is known; when the group fails, the chain falls back to what is on disk, and so do the numbers.
 */
import { GENESIS, recordHash } from '../../../protocol/audit-chain.ts'
import { encode } from '../../../protocol/codec.ts'
import type { AuditBody } from '../../../protocol/messages/audit.ts'
import { AUDIT_STREAM } from '../../../protocol/methods/audit.ts'
import type { Journal } from '../../journal/journal.ts'
import type { Entry } from './entry.ts'
import { recordOf } from './record.ts'

/** Longest text of a field, UTF-16 units; ids and names are far shorter. */
const MAX_TEXT = 256

export interface Place {
  readonly seq: number
  readonly time: number
}

export class AuditChain {
  readonly #journal: Pick<Journal, 'head' | 'read'>
  /** Hash of the last record; undefined until it was looked up. */
  #last: string | undefined

  constructor(journal: Pick<Journal, 'head' | 'read'>) {
    this.#journal = journal
  }

  /** The body of the next record. */
  seal(entry: Entry, { seq, time }: Place): Buffer {
    const prev = this.#last ?? this.#stored()
    const sound = isPlain(entry) ? entry : wellFormed(entry)
    // Assigned and not spread, which here takes twice as long as all the rest.
    const hash = recordHash(Object.assign({ prev, seq, time }, sound))
    this.#last = hash
    const body: AuditBody = Object.assign({ prev, hash }, sound)
    return encode(body)
  }

  /** A write has failed: what was sealed for it never was. */
  rewind(): void {
    this.#last = undefined
  }

  /**
   * Of the last record on disk. Behind one that is damaged a new chain begins: the check finds the damage,
   * and that the next record follows nothing.
   */
  #stored(): string {
    const { sequence } = this.#journal.head(AUDIT_STREAM)
    if (sequence === 0) return GENESIS
    const range = { from: sequence, to: sequence, maxCount: 1, maxBytes: 1 }
    const [chunk] = this.#journal.read(AUDIT_STREAM, range).chunks
    return (chunk && recordOf(chunk)?.hash) ?? GENESIS
  }
}

/** Looked at first, because it is so for nearly all: to make it so costs as much as the hash. */
function isPlain(entry: Entry): boolean {
  return Object.values(entry).every((value) =>
    typeof value === 'string'
      ? value.length <= MAX_TEXT && isSound(value)
      : Number.isInteger(value),
  )
}

/** Texts as they come out of the journal again: bounded, and without halves of characters. */
function wellFormed(entry: Entry): Entry {
  const texts = Object.entries(entry).map(([field, value]) => [field, sound(value)])
  return Object.fromEntries(texts) as Entry
}

function sound(value: unknown): unknown {
  if (typeof value === 'string') return soundText(value)
  if (typeof value === 'number') return Math.round(value)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([field, inner]) => [soundText(field), sound(inner)])
  return Object.fromEntries(fields)
}

function soundText(text: string): string {
  const short = text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text
  return isSound(short) ? short : short.replace(/\p{Surrogate}/gu, '\ufffd')
}

function isSound(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}
