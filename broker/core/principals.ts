/**
 * Principals: who has which keys, and with what rights. In memory as in the journal, which is where a change
 * of them becomes one. Does not know connections.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import { fingerprint } from '../../protocol/keys/key-pair.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import type { Reach } from '../../protocol/methods/define.ts'
import { MAX_KEYS_OF_PRINCIPAL } from '../../protocol/methods/key.ts'
import type { Journal, JournalOperation } from '../journal/journal.ts'
import { type TableLimits, VersionedTable } from './versioned.ts'

export const PRINCIPAL_LIMITS: TableLimits = {
  maxRecords: 10_000,
  maxBytes: 64 * 1024 * 1024, // about 3 KB for one with all the keys it may have
}

export interface KeyRecord {
  /** Public, Z85. */
  readonly key: string
  readonly status: 'active' | 'revoked'
  readonly added_at: number
  readonly added_by: string
}

/** What the journal holds of a principal. */
export interface PrincipalRecord {
  readonly principal: string
  readonly version: number
  readonly roles: readonly Role[]
  readonly reach: Reach
  readonly note: string
  readonly keys: readonly KeyRecord[]
  readonly changed_at: number
}

export type KeyStatus = 'active' | 'revoked' | 'unknown'

/** A change that is to be written. */
export interface PrincipalChange {
  readonly operations: readonly JournalOperation[]
  /** To be called when the operations are durable. */
  readonly written: () => void
}

/** Names that stand for no key. */
const RESERVED: ReadonlySet<string> = new Set(['local'])

export class Principals {
  readonly #table: VersionedTable<PrincipalRecord>
  /** Owner of each key on disk. */
  readonly #owners = new Map<string, string>()
  /** Names whose record cannot be read: which of their keys were revoked is not known. */
  readonly #damaged: ReadonlySet<string>

  constructor(
    journal: Pick<Journal, 'entries' | 'damaged'>,
    limits: TableLimits = PRINCIPAL_LIMITS,
  ) {
    this.#table = new VersionedTable('the table of principals', limits)
    this.#damaged = new Set(journal.damaged('principals'))
    for (const { key, value } of journal.entries('principals')) {
      const record = value as PrincipalRecord
      this.#table.restore(key, record, sizeOf(record))
      this.#index(record)
    }
  }

  get size(): number {
    return this.#table.size
  }

  /** As on disk. */
  get(principal: string): PrincipalRecord | undefined {
    return this.#table.durable(principal)
  }

  /** Whether it has to do with its own sessions only. Whoever has no record is a user of this machine. */
  isLimited(principal: string): boolean {
    return this.get(principal)?.reach === 'own'
  }

  all(): Iterable<PrincipalRecord> {
    return this.#table.all()
  }

  statusOf(key: string): KeyStatus {
    const owner = this.#owners.get(key)
    const record = owner === undefined ? undefined : this.get(owner)
    return record?.keys.find((one) => one.key === key)?.status ?? 'unknown'
  }

  /** The principal of an active key, on disk. */
  ofKey(key: string): PrincipalRecord | undefined {
    if (this.statusOf(key) !== 'active') return undefined
    const owner = this.#owners.get(key)
    return owner === undefined ? undefined : this.get(owner)
  }

  /** Whose key it is, or was before it was revoked; empty = nobody's. */
  ownerOf(key: string): string {
    return this.#owners.get(key) ?? ''
  }

  /** As of the last change, written or not. */
  latest(principal: string): PrincipalRecord | undefined {
    return this.#table.latest(principal)
  }

  /**
   * Throws LIMIT_REACHED, KEY_TAKEN, INVALID_PARAMS for a name that stands for something else, or STORAGE_FAILED
   * for one whose record is damaged.
   */
  change(next: Omit<PrincipalRecord, 'version'>): PrincipalChange {
    this.#check(next)
    const version = (this.latest(next.principal)?.version ?? 0) + 1
    const record: PrincipalRecord = { ...next, version }
    const written = this.#table.stage(record.principal, record, sizeOf(record))
    return {
      operations: [{ op: 'put', table: 'principals', key: record.principal, value: record }],
      written: () => {
        written()
        this.#index(record)
      },
    }
  }

  /** All that is not on disk has failed. */
  rewind(): void {
    this.#table.rewind()
  }

  /** Keys on disk that are meant by a whole key or by the beginning of a fingerprint. */
  matching(reference: string): { readonly key: string; readonly principal: string }[] {
    if (reference === '') return []
    if (this.#owners.has(reference)) {
      return [{ key: reference, principal: this.#owners.get(reference) ?? '' }]
    }
    return [...this.#owners]
      .filter(([key]) => isMeant(key, reference))
      .map(([key, principal]) => ({ key, principal }))
  }

  #check({ principal, keys }: Omit<PrincipalRecord, 'version'>): void {
    if (RESERVED.has(principal)) {
      const reason = `/principal ${principal} stands for the users of this machine`
      throw new ProtocolError('INVALID_PARAMS', { method: 'key.add', reason })
    }
    if (this.#damaged.has(principal)) {
      const reason = `the record of principal ${principal} is damaged, and what it revoked may not be allowed again; use another name`
      throw new ProtocolError('STORAGE_FAILED', { reason })
    }
    if (keys.length > MAX_KEYS_OF_PRINCIPAL) {
      const what = `the list of keys of ${principal}`
      throw new ProtocolError('LIMIT_REACHED', { what, limit: `${MAX_KEYS_OF_PRINCIPAL} keys` })
    }
    for (const { key } of keys) this.#checkOwner(key, principal)
  }

  #checkOwner(key: string, principal: string): void {
    for (const name of this.#table.keys()) {
      if (name === principal) continue
      if (!this.latest(name)?.keys.some((one) => one.key === key)) continue
      throw new ProtocolError('KEY_TAKEN', { key: fingerprint(key), principal: name })
    }
  }

  #index(record: PrincipalRecord): void {
    for (const { key } of record.keys) this.#owners.set(key, record.principal)
  }
}

/** Whether a key is meant by a whole key or by the beginning of its fingerprint. */
export function isMeant(key: string, reference: string): boolean {
  const plain = (text: string) => text.replaceAll('-', '').toLowerCase()
  return key === reference || plain(fingerprint(key)).startsWith(plain(reference))
}

function sizeOf({ principal, note, keys }: PrincipalRecord): number {
  return 200 + principal.length + note.length + keys.length * 160
}
