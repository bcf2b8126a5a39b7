/**
 * Idempotency keys: what a mutating request came to, by principal and key, so that a repeat gets the
 * first answer and never a second execution. Kept in the journal and, for the window, in memory.
 */
import { createHash } from 'node:crypto'
import type { WireError } from '../../protocol/errors.ts'
import type { Journal, JournalOperation } from '../journal/journal.ts'
import type { Asked } from './audit/entry.ts'
import { fairShare } from './shares.ts'

export interface IdempotencyLimits {
  /** How long an answer is kept, ms. */
  readonly windowMs: number
  /** Most keys kept; beyond it the oldest that have ended are dropped, of the principals that have most. */
  readonly maxKeys: number
  /** Most bytes of their answers; beyond it the oldest go likewise. */
  readonly maxBytes: number
}

export const IDEMPOTENCY_LIMITS: IdempotencyLimits = {
  windowMs: 24 * 60 * 60 * 1000, // a laptop closed overnight may still repeat its last request
  maxKeys: 50_000, // about 30 MB of memory at 600 bytes each
  maxBytes: 64 * 1024 * 1024, // answers with metadata, tasks or the outputs of a workflow are larger
}

/** Most keys dropped at a time, so that a day's worth of them holds nobody up. */
const EXPIRE_AT_ONCE = 1000

export type Outcome =
  /**
   * `standing`: the body of the reply, should the broker end before it has a better one; `asked`: what the
   * audit log is to say then.
   */
  | { readonly state: 'running'; readonly standing?: Buffer; readonly asked?: Partial<Asked> }
  | { readonly state: 'replied'; readonly body: Buffer }
  | { readonly state: 'failed'; readonly error: WireError }

export interface KeyRecord {
  readonly method: string
  /** SHA-256 of method, target and body; empty when what was asked is not known any more. */
  readonly hash: string
  /** Of who asked; absent = all. */
  readonly reach?: 'own'
  /** When it was first seen, by the clock of ages (clock.ts), ms. */
  readonly at: number
  readonly outcome: Outcome
}

/** Of a request without a key; no request can have it, because those hold the name of a principal and a line feed. */
export function keyOfUnkeyed(epoch: number, count: number): string {
  return `unkeyed ${epoch}.${count}`
}

export function isUnkeyed(key: string): boolean {
  return !key.includes('\n')
}

/** The principal and the key of a request; the key is empty for one that had none. */
export function partsOfKey(key: string): { readonly principal: string; readonly key: string } {
  const end = key.indexOf('\n')
  return end === -1
    ? { principal: '', key: '' }
    : { principal: key.slice(0, end), key: key.slice(end + 1) }
}

export function requestHash(method: string, target: string, body: Buffer): string {
  return createHash('sha256').update(`${method}\n${target}\n`).update(body).digest('base64url')
}

/** Whether a request with this hash may be a repeat of the one on record. */
export function isRepeat(record: KeyRecord, hash: string): boolean {
  return record.hash === '' || record.hash === hash
}

type Reaching = Pick<KeyRecord, 'reach'>

/** Whether it was asked for with a wider reach than that of who asks now. */
export function exceeds(known: Reaching, asking: Reaching): boolean {
  return asking.reach === 'own' && known.reach !== 'own'
}

/** The keys of one principal; the oldest comes first. */
interface Owned {
  readonly keys: Set<string>
  bytes: number
}

export class Idempotency {
  readonly #limits: IdempotencyLimits
  /** Insertion order is age order. */
  readonly #records = new Map<string, KeyRecord>()
  readonly #owned = new Map<string, Owned>()
  #bytes = 0

  constructor(journal: Journal, limits: IdempotencyLimits = IDEMPOTENCY_LIMITS) {
    this.#limits = limits
    const stored = [...journal.entries('idempotency')].map(
      ({ key, value }) => [key, value as KeyRecord] as const,
    )
    for (const [key, record] of stored.sort((a, b) => a[1].at - b[1].at)) this.#put(key, record)
  }

  /** When the newest key was first seen; 0 when there is none. */
  get newestAt(): number {
    return Math.max(0, [...this.#records.values()].at(-1)?.at ?? 0)
  }

  get size(): number {
    return this.#records.size
  }

  get(key: string): KeyRecord | undefined {
    return this.#records.get(key)
  }

  set(key: string, record: KeyRecord): JournalOperation {
    this.#put(key, record)
    return { op: 'put', table: 'idempotency', key, value: record }
  }

  delete(key: string): JournalOperation {
    const owner = ownerOf(key)
    const owned = this.#owned.get(owner)
    this.#count(owned, -answerBytes(this.#records.get(key)))
    this.#records.delete(key)
    owned?.keys.delete(key)
    if (owned?.keys.size === 0) this.#owned.delete(owner)
    return { op: 'delete', table: 'idempotency', key }
  }

  #put(key: string, record: KeyRecord): void {
    const owner = ownerOf(key)
    const owned = this.#owned.get(owner) ?? { keys: new Set(), bytes: 0 }
    this.#owned.set(owner, owned)
    this.#count(owned, answerBytes(record) - answerBytes(this.#records.get(key)))
    this.#records.set(key, record)
    owned.keys.add(key)
  }

  #count(owned: Owned | undefined, bytes: number): void {
    this.#bytes += bytes
    if (owned) owned.bytes += bytes
  }

  /** Drops what is too old or too much; a running one is never dropped. */
  expire(nowMs: number): JournalOperation[] {
    const dropped: JournalOperation[] = []
    for (const [key, record] of this.#records) {
      if (nowMs - record.at < this.#limits.windowMs) break
      if (dropped.length === EXPIRE_AT_ONCE) break
      if (record.outcome.state !== 'running') dropped.push(this.delete(key))
    }
    const { maxKeys, maxBytes } = this.#limits
    if (this.#records.size > maxKeys || this.#bytes > maxBytes) this.#dropExcess(dropped)
    return dropped
  }

  /** Nobody's keys go because of those of another who has more. */
  #dropExcess(dropped: JournalOperation[]): void {
    const owners = [...this.#owned.values()]
    const mostKeys = fairShare(
      owners.map(({ keys }) => keys.size),
      this.#limits.maxKeys,
    )
    const mostBytes = fairShare(
      owners.map(({ bytes }) => bytes),
      this.#limits.maxBytes,
    )
    for (const owned of owners) {
      for (const key of owned.keys) {
        if (owned.keys.size <= mostKeys && owned.bytes <= mostBytes) break
        if (dropped.length === EXPIRE_AT_ONCE) return
        if (this.get(key)?.outcome.state !== 'running') dropped.push(this.delete(key))
      }
    }
  }
}

/** Keys in the table are those of callers with their principal before them (handlers/request.ts). */
function ownerOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf('\n')))
}

function answerBytes(record: KeyRecord | undefined): number {
  const { outcome } = record ?? {}
  switch (outcome?.state) {
    case 'replied':
      return outcome.body.length
    case 'running':
      return outcome.standing?.length ?? 0
    default:
      return 0
  }
}
