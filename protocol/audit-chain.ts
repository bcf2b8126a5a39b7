/**
 * The hash chain of the audit log: how a record becomes bytes, how these are hashed, and how a reader finds
 * the place where a chain is broken. Reads nothing: whoever has the records hands them over, in order.
 */
import { hash } from 'node:crypto'
import { AuditRecord } from './messages/audit.ts'
import { mismatch } from './schema.ts'

/** `prev` of the first record that there ever was. */
export const GENESIS = '0'.repeat(64)

/**
 * JSON as RFC 8785 (JCS) has it: no white space, keys in the order of their UTF-16 code units, strings and
 * numbers as ECMAScript writes them. Absent keys must be absent, not undefined.
 */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = value as Readonly<Record<string, unknown>>
  const pairs = Object.keys(fields)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(fields[key])}`)
  return `{${pairs.join(',')}}`
}

/** Of a record without its `hash`. */
export function recordHash(unhashed: object): string {
  return hash('sha256', canonical(unhashed), 'hex')
}

/** A place of the chain; whoever keeps one elsewhere can tell later that nothing before it was changed. */
export interface AuditHead {
  readonly seq: number
  readonly hash: string
}

export interface AuditBreak {
  /** The first record that is not what it should be. */
  readonly seq: number
  readonly what: string
}

/** Breaks that are named; the others are counted. */
const MAX_NAMED = 20

export class AuditCheck {
  readonly breaks: AuditBreak[] = []
  breakCount = 0
  /** Records that were looked at. */
  count = 0
  first: AuditHead | undefined
  last: AuditHead | undefined
  /** `prev` of the first record: retention took those before it, and this is all that is known of them. */
  anchor: string | undefined
  readonly #expected: readonly AuditHead[]
  /** What the next record has to follow; undefined when that is not known. */
  #follows: AuditHead | undefined

  constructor(expected: readonly AuditHead[] = []) {
    this.#expected = expected
  }

  get isIntact(): boolean {
    return this.breakCount === 0
  }

  /** The next record, read from the place of this sequence. */
  record(value: unknown, seq: number): void {
    this.count += 1
    const problem = mismatch(AuditRecord, value)
    if (problem !== undefined) {
      this.#broken(seq, `it is no audit record: ${problem}`)
      this.#follows = undefined
      return
    }
    const record = value as AuditRecord
    const computed = hashOf(record)
    if (computed !== record.hash) this.#broken(seq, 'its content does not give its hash')
    this.#checkPlace(record)
    this.#follows = { seq: record.seq, hash: record.hash }
    this.first ??= { seq: record.seq, hash: computed }
    this.last = { seq: record.seq, hash: computed }
    for (const expected of this.#expected) this.#compare(expected, record.seq, computed)
  }

  /** Records that cannot be read. Those that retention took are none that is missing. */
  gap({ from, to, reason }: { from: number; to: number; reason: string }): void {
    if (reason !== 'retention') {
      const what = to > from ? `it and all to ${to} cannot be read` : 'it cannot be read'
      this.#broken(from, `${what} (${reason})`)
    }
    this.#follows = undefined
  }

  /** All has been read. */
  end(): void {
    const firstKept = this.first?.seq ?? 1
    const lastKept = this.last?.seq ?? 0
    for (const { seq, hash: wanted } of this.#expected) {
      if (seq > lastKept) this.#broken(seq, `the log ends at ${lastKept}`)
      else if (seq < firstKept - 1) this.#broken(seq, 'it is not kept any more')
      else if (seq === firstKept - 1 && this.anchor !== wanted) this.#unexpected(seq, this.anchor)
    }
  }

  #checkPlace({ seq, prev }: AuditRecord): void {
    const before = this.#follows
    if (this.first === undefined) this.anchor = prev
    if (before === undefined) {
      if (seq === 1 && prev !== GENESIS) this.#broken(seq, 'it is the first and follows another')
      return
    }
    if (seq !== before.seq + 1) this.#broken(seq, `it comes where ${before.seq + 1} was due`)
    else if (prev !== before.hash) {
      this.#broken(seq, `it does not hold the hash of ${before.seq}; one of the two was changed`)
    }
  }

  #compare(expected: AuditHead, seq: number, computed: string): void {
    if (expected.seq === seq && expected.hash !== computed) this.#unexpected(seq, computed)
  }

  #unexpected(seq: number, found: string | undefined): void {
    this.#broken(seq, `its hash is ${found}, which was not expected`)
  }

  #broken(seq: number, what: string): void {
    this.breakCount += 1
    if (this.breaks.length < MAX_NAMED) this.breaks.push({ seq, what })
  }
}

/** Empty for what no record can hold, such as a number that JSON does not have. */
function hashOf({ hash: _, ...unhashed }: AuditRecord): string {
  try {
    return recordHash(unhashed)
  } catch {
    return ''
  }
}
