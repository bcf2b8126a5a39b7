/**
 * The key-value state: which keys there are, and their versions, in memory; their values in the journal.
 * A key that was deleted and is set again goes on with versions above those it had, so that nobody takes the
 * new one for the old one.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Result } from '../../protocol/methods/index.ts'
import type { Journal, JournalOperation } from '../journal/journal.ts'
import { LOCAL } from './rights.ts'
import type { ShareRule } from './shares.ts'
import { type TableLimits, VersionedTable } from './versioned.ts'

export const STATE_LIMITS: TableLimits = {
  maxRecords: 100_000, // about 200 bytes of memory each
  maxBytes: 256 * 1024 * 1024, // values as JSON; they are read whenever the broker starts
}

/** What the journal holds of a key. */
interface StateRecord {
  readonly version: number
  readonly updated_at: number
  /** JSON: it comes out as it went in. */
  readonly json: string
  /** Who set it last, towards whose share it counts; absent = a user of this machine. */
  readonly by?: string
}

type StateHead = Pick<StateRecord, 'version' | 'updated_at'>

/** Versions that keys which were deleted have had. */
const FLOOR_KEY = 'state/floor'
/** Changes that a damaged record may have been ahead of what is known. */
const DAMAGE_MARGIN = 1_000_000
/** Largest page of `state.list` with values, bytes of JSON: no more values than the wire takes in one body. */
const MAX_PAGE_BYTES = 256 * 1024

/** A change that is to be written. */
export interface StateChange {
  readonly version: number
  readonly isNew: boolean
  readonly operations: readonly JournalOperation[]
  /** To be called when the operations are durable. */
  readonly written: () => void
}

/** Who sets a key, and when. */
export interface StateSource {
  readonly wallMs: number
  readonly by: string
}

export interface StateQuery {
  readonly prefix: string
  readonly after: string
  readonly limit: number
  readonly values: boolean
}

export class State {
  readonly #journal: Journal
  readonly #table: VersionedTable<StateHead>
  /** Keys on disk, in order. */
  readonly #sorted: string[] = []
  /** Keys whose record is damaged: they exist, and that is all that is known. */
  readonly #damaged = new Set<string>()
  #floor: number
  #floorDurable: number

  constructor(journal: Journal, limits: TableLimits, rule?: ShareRule) {
    this.#journal = journal
    this.#table = new VersionedTable('the state', limits, rule)
    let highest = 0
    for (const { key, value } of journal.entries('state')) {
      const { version, updated_at, json, by } = value as StateRecord
      this.#table.restore(key, { version, updated_at }, sizeOf(key, json), by)
      this.#sorted.push(key)
      highest = Math.max(highest, version)
    }
    for (const key of journal.damaged('state')) this.#damaged.add(key)
    this.#floorDurable = this.#storedFloor(highest)
    this.#floor = this.#floorDurable
  }

  get size(): number {
    return this.#table.size
  }

  get bytes(): number {
    return this.#table.bytes
  }

  /** Of the last change, written or not; 0 = there is no such key. Throws for a damaged one. */
  version(key: string): number {
    if (this.#damaged.has(key)) throw damaged(key)
    return this.#table.latest(key)?.version ?? 0
  }

  /** Whether there will be such a key when all is written; a damaged one counts. */
  has(key: string): boolean {
    return this.#damaged.has(key) || this.#table.latest(key) !== undefined
  }

  /** Whether it may yet turn out to have this version, because what came behind it is not on disk. */
  mayFallBackTo(key: string, version: number): boolean {
    return this.#table.isStaged(key) && (this.#table.durable(key)?.version ?? 0) === version
  }

  isStaged(key: string): boolean {
    return this.#table.isStaged(key)
  }

  /** As on disk. Throws NO_SUCH_KEY, or STORAGE_FAILED for a damaged one. */
  get(key: string): Result<'state.get'> {
    if (this.#damaged.has(key)) throw damaged(key)
    const record = this.#journal.get('state', key) as StateRecord | undefined
    if (!record) throw new ProtocolError('NO_SUCH_KEY', { key })
    const { version, updated_at, json } = record
    return { key, value: JSON.parse(json) as unknown, version, updated_at }
  }

  /** Throws LIMIT_REACHED. A damaged record is replaced. */
  set(key: string, json: string, { wallMs, by }: StateSource): StateChange {
    const before = this.#table.latest(key)?.version
    const version = (before ?? this.#floor) + 1
    const head = { version, updated_at: wallMs }
    const record: StateRecord = { ...head, json, ...(by !== LOCAL && { by }) }
    const written = this.#table.stage(key, head, sizeOf(key, json), by)
    return {
      version,
      isNew: before === undefined,
      operations: [{ op: 'put', table: 'state', key, value: record }],
      written: () => {
        written()
        this.#damaged.delete(key)
        this.#insert(key)
      },
    }
  }

  delete(key: string): StateChange {
    const version = this.#table.latest(key)?.version ?? 0
    const written = this.#table.stage(key, undefined)
    const floor = Math.max(this.#floor, version)
    const isRaised = floor > this.#floor
    this.#floor = floor
    return {
      version,
      isNew: false,
      operations: [{ op: 'delete', table: 'state', key }, ...(isRaised ? [putFloor(floor)] : [])],
      written: () => {
        written()
        this.#damaged.delete(key)
        this.#floorDurable = Math.max(this.#floorDurable, floor)
        this.#remove(key)
      },
    }
  }

  /** All that is not on disk has failed. */
  rewind(): void {
    this.#table.rewind()
    this.#floor = this.#floorDurable
  }

  page({ prefix, after, limit, values }: StateQuery): Result<'state.list'> {
    const entries: Result<'state.list'>['entries'] = []
    let bytes = 0
    let last = ''
    for (let at = this.#firstBehind(prefix, after); at < this.#sorted.length; at += 1) {
      const key = this.#sorted[at] ?? ''
      if (!key.startsWith(prefix)) break
      const record = values ? this.#journal.get('state', key) : this.#table.durable(key)
      if (record === undefined) continue
      const { version, updated_at, json = '' } = record as Partial<StateRecord> & StateHead
      bytes += json.length
      const isOver = bytes > MAX_PAGE_BYTES && entries.length > 0
      if (entries.length >= limit || isOver) return { entries, next: last }
      last = key
      entries.push({
        key,
        version,
        updated_at,
        ...(values && { value: JSON.parse(json) as unknown }),
      })
    }
    return { entries }
  }

  #storedFloor(highest: number): number {
    const isUnknown = this.#journal.damaged('meta').includes(FLOOR_KEY)
    const stored = isUnknown ? highest : ((this.#journal.get('meta', FLOOR_KEY) as number) ?? 0)
    const isDamaged = isUnknown || this.#damaged.size > 0
    return isDamaged ? Math.max(stored, highest) + DAMAGE_MARGIN : stored
  }

  #firstBehind(prefix: string, after: string): number {
    const at = this.#place(prefix > after ? prefix : after)
    return this.#sorted[at] === after ? at + 1 : at
  }

  /** Where the key is, or would be. */
  #place(key: string): number {
    let [low, high] = [0, this.#sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#sorted[middle] ?? '') < key) low = middle + 1
      else high = middle
    }
    return low
  }

  #insert(key: string): void {
    const at = this.#place(key)
    if (this.#sorted[at] !== key) this.#sorted.splice(at, 0, key)
  }

  #remove(key: string): void {
    const at = this.#place(key)
    if (this.#sorted[at] === key) this.#sorted.splice(at, 1)
  }
}

/** What counts towards the limit of bytes. */
function sizeOf(key: string, json: string): number {
  return key.length + Buffer.byteLength(json)
}

function putFloor(value: number): JournalOperation {
  return { op: 'put', table: 'meta', key: FLOOR_KEY, value }
}

function damaged(key: string): ProtocolError {
  const reason = `the record of key ${key} is damaged; setting it without a version replaces it`
  return new ProtocolError('STORAGE_FAILED', { reason })
}
