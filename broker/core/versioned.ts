/**
 * Records that callers change by their version. Memory runs ahead of the disk: changes are decided on what
 * was decided last, written or not, so that of two with the same expectation one wins; readers are shown
 * what is on disk. Does not write: it stages a change, and is told when that is durable or has failed.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import { LOCAL } from './rights.ts'
import { NO_SHARES, type ShareRule, Shares } from './shares.ts'

export interface Versioned {
  readonly version: number
}

export interface TableLimits {
  /** Records that are kept. */
  readonly maxRecords: number
  /** Bytes of them in all. */
  readonly maxBytes: number
}

interface Cell<R> {
  readonly record: R
  readonly bytes: number
  /** Whose share it counts towards. */
  readonly owner: string
}

/** A change on its way to the disk; `cell` is undefined for a deletion. */
interface Staged<R> {
  readonly cell: Cell<R> | undefined
}

interface Totals {
  readonly records: number
  readonly bytes: number
}

export class VersionedTable<R extends Versioned> {
  readonly #what: string
  readonly #limits: TableLimits
  /** As on disk; the one that changed last is the last one. */
  readonly #durable = new Map<string, Cell<R>>()
  /** The last change of each key that is not on disk yet. */
  readonly #staged = new Map<string, Staged<R>>()
  /** Of what is on disk. */
  #kept: Totals = { records: 0, bytes: 0 }
  /** Of what will be, if all writes succeed. */
  #claimed: Totals = this.#kept
  /** The same for each principal. */
  readonly #shares: Shares

  /** `what` names the table in the error of a full one. */
  constructor(what: string, limits: TableLimits, rule: ShareRule = NO_SHARES) {
    this.#what = what
    this.#limits = limits
    this.#shares = new Shares(rule)
  }

  get size(): number {
    return this.#kept.records
  }

  get bytes(): number {
    return this.#kept.bytes
  }

  /** A record that an earlier run has written; those that changed last come last. */
  restore(key: string, record: R, bytes: number, owner = LOCAL): void {
    const cell = { record, bytes, owner }
    this.#durable.set(key, cell)
    this.#kept = added(this.#kept, undefined, cell)
    this.#claimed = this.#kept
    this.#share(undefined, cell)
  }

  /** As of its last change, written or not. */
  latest(key: string): R | undefined {
    return this.#latest(key)?.record
  }

  durable(key: string): R | undefined {
    return this.#durable.get(key)?.record
  }

  /** What is on disk, the one that changed last at the end. */
  *all(): Generator<R> {
    for (const { record } of this.#durable.values()) yield record
  }

  /** Keys of all records, written or not. */
  *keys(): Generator<string> {
    for (const key of this.#durable.keys()) if (this.#latest(key)) yield key
    for (const [key, { cell }] of this.#staged) if (cell && !this.#durable.has(key)) yield key
  }

  /** Whether it has a change that is not on disk, and may fall back. */
  isStaged(key: string): boolean {
    return this.#staged.has(key)
  }

  /**
   * Changes it in memory; undefined deletes it. The function that comes back is to be called when the
   * change is on disk. Throws LIMIT_REACHED for a change that takes more room than there is, or than its
   * owner may take up.
   */
  stage(key: string, record: R | undefined, bytes = 0, owner = LOCAL): () => void {
    const cell = record && { record, bytes, owner }
    const before = this.#latest(key)
    const claimed = added(this.#claimed, before, cell)
    this.#requireRoom(claimed)
    this.#requireShare(before, cell)
    this.#claimed = claimed
    this.#share(before, cell)
    const staged = { cell }
    this.#staged.set(key, staged)
    return () => this.#written(key, staged)
  }

  /** All that is not on disk has failed. */
  rewind(): void {
    this.#staged.clear()
    this.#claimed = this.#kept
    this.#shares.clear()
    for (const cell of this.#durable.values()) this.#share(undefined, cell)
  }

  #share(before: Cell<R> | undefined, after: Cell<R> | undefined): void {
    if (before) this.#shares.remove(before.owner, { records: 1, bytes: before.bytes })
    if (after) this.#shares.add(after.owner, { records: 1, bytes: after.bytes })
  }

  #requireShare(before: Cell<R> | undefined, after: Cell<R> | undefined): void {
    if (!after) return
    const { owner } = after
    const had = before?.owner === owner ? { records: 1, bytes: before.bytes } : undefined
    const more = { records: had ? 0 : 1, bytes: after.bytes - (had?.bytes ?? 0) }
    const most = { records: this.#limits.maxRecords, bytes: this.#limits.maxBytes }
    if (!this.#shares.isOver(owner, more, most)) return
    const { records, bytes } = this.#shares.limitOf(most)
    const limit = `${records} entries or ${bytes} bytes`
    throw new ProtocolError('LIMIT_REACHED', {
      what: `the share of ${owner} of ${this.#what}`,
      limit,
    })
  }

  #latest(key: string): Cell<R> | undefined {
    const staged = this.#staged.get(key)
    return staged ? staged.cell : this.#durable.get(key)
  }

  #requireRoom({ records, bytes }: Totals): void {
    const { maxRecords, maxBytes } = this.#limits
    const isMore = records > this.#claimed.records
    if (isMore && records > maxRecords) {
      throw new ProtocolError('LIMIT_REACHED', { what: this.#what, limit: `${maxRecords} entries` })
    }
    if (bytes > this.#claimed.bytes && bytes > maxBytes) {
      throw new ProtocolError('LIMIT_REACHED', { what: this.#what, limit: `${maxBytes} bytes` })
    }
  }

  #written(key: string, staged: Staged<R>): void {
    const { cell } = staged
    this.#kept = added(this.#kept, this.#durable.get(key), cell)
    this.#durable.delete(key)
    if (cell) this.#durable.set(key, cell)
    if (this.#staged.get(key) === staged) this.#staged.delete(key)
  }
}

function added<R>(
  { records, bytes }: Totals,
  before: Cell<R> | undefined,
  after: Cell<R> | undefined,
): Totals {
  return {
    records: records + (after ? 1 : 0) - (before ? 1 : 0),
    bytes: bytes + (after?.bytes ?? 0) - (before?.bytes ?? 0),
  }
}
