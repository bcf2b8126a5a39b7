/**
 * The table of questions that agents asked. Memory runs ahead of the disk: `get` and `of` see what is
 * about to be written, `page` shows only what is on disk, in the order of its changes.
 */
import { encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { ChunkBody } from '../../protocol/messages/chunk.ts'
import type { Result } from '../../protocol/methods/index.ts'
import type { ApprovalInfo, ApprovalState } from '../../protocol/methods/types.ts'
import type { Journal, JournalOperation, StoredChunk } from '../journal/journal.ts'
import {
  type ApprovalRecord,
  approvalInfo,
  approvalKey,
  dropApproval,
  isOpen,
  moved,
  newApproval,
  type Standing,
  settledAt,
  stateOf,
} from './approval-record.ts'
import type { Clock } from './clock.ts'
import type { SessionRecord } from './sessions.ts'
import { NO_SHARES, type ShareRule, Shares } from './shares.ts'

export interface ApprovalLimits {
  /** Questions of one session that may wait for an answer; more are denied at once. */
  readonly maxPendingPerSession: number
  /** The same for all sessions together. */
  readonly maxPending: number
  /** Settled questions that are kept; beyond it the oldest are dropped. The streams keep them all. */
  readonly maxSettled: number
  /** How long a settled question is kept, ms. */
  readonly settledKeptMs: number
}

export const APPROVAL_LIMITS: ApprovalLimits = {
  maxPendingPerSession: 32, // CLIs ask one by one, or once for each parallel tool call
  maxPending: 10_000, // at most 16 KiB each
  maxSettled: 1000, // some screens full of "who allowed that?"
  settledKeptMs: 7 * 24 * 60 * 60 * 1000,
}

/** A denial that could not be written is tried again after this, ms. */
const EXPIRE_AGAIN_MS = 1000

/** Largest answer to one `approval.list`, bytes. */
const MAX_PAGE_BYTES = 1024 * 1024

export interface ApprovalQuery {
  /** Which of them the caller has to do with. */
  readonly sees: 'all' | Sees
  readonly session: string | undefined
  readonly states: readonly ApprovalState[] | undefined
  readonly since: number
  readonly limit: number
}

type Sees = (record: ApprovalRecord) => boolean

/** Changes that a damaged record may have been ahead of the others: years of questions. */
const DAMAGE_MARGIN = 1_000_000

/** Shortest beginning of an id that counts as a reference. */
const MIN_PREFIX = 4

const ONE = { records: 1, bytes: 0 }

export interface ApprovalsOptions {
  readonly journal: Journal
  readonly clock: Clock
  readonly limits: ApprovalLimits
  readonly rule?: ShareRule
}

export class Approvals {
  readonly limits: ApprovalLimits
  readonly #rule: ShareRule
  readonly #clock: Clock
  readonly #current = new Map<string, ApprovalRecord>()
  /** As on disk; the one that changed last is the last one. */
  readonly #durable = new Map<string, ApprovalRecord>()
  readonly #bySession = new Map<string, Set<string>>()
  /** Changes that were numbered and are not on disk yet, in rising order. */
  readonly #outstanding = new Set<number>()
  /** When those that wait expire, monotonic ms. */
  readonly #deadlines = new Map<string, number>()
  #lastChange = 0
  /** Highest change on disk. */
  #newest = 0
  #settledCount = 0
  #pendingCount = 0

  constructor({ journal, clock, limits, rule = NO_SHARES }: ApprovalsOptions) {
    this.#clock = clock
    this.limits = limits
    this.#rule = rule
    const stored = [...journal.entries('approvals')].map(({ value }) => value as ApprovalRecord)
    // A damaged one may have had the highest number of all: cursors must not meet it again.
    const isDamaged = journal.damaged('approvals').length > 0
    for (const record of stored.sort((a, b) => a.change - b.change)) {
      this.#keep(record)
      this.#toldOf(record)
      this.#lastChange = record.change
      const { expire_ms, asked_at } = record
      if (expire_ms === undefined) continue
      // The wall clock may have jumped meanwhile; never wait longer than was asked for.
      const left = Math.min(expire_ms, asked_at + expire_ms - clock.wall())
      this.#deadlines.set(approvalKey(record), clock.now() + left)
    }
    if (isDamaged) this.#lastChange += DAMAGE_MARGIN
  }

  /** As of its last change, written or not. */
  get(session: string, approval: string): ApprovalRecord | undefined {
    return this.#current.get(approvalKey({ session, approval }))
  }

  /** Those of a session. */
  of(session: string): ApprovalRecord[] {
    return [...(this.#bySession.get(session) ?? [])].flatMap((key) => this.#current.get(key) ?? [])
  }

  pendingCount(session: string): number {
    return this.of(session).filter(({ standing }) => standing.kind === 'pending').length
  }

  /** Where the first question of a session that waits is in the stream; Infinity when none does. */
  firstAsked(session: string): number {
    const waiting = this.of(session).filter(({ standing }) => standing.kind === 'pending')
    return Math.min(...waiting.map(({ sequence }) => sequence))
  }

  /** Whether its last change is on disk, so that it cannot fall back. */
  isWritten(record: ApprovalRecord): boolean {
    return this.#durable.get(approvalKey(record)) === record
  }

  /** By id, or by a beginning of one, among those that are seen. Throws NO_SUCH_APPROVAL or AMBIGUOUS_APPROVAL. */
  resolve(reference: string, sees: Sees): ApprovalRecord {
    const all = [...this.#current.values()].filter(sees)
    const exact = all.filter(({ approval }) => approval === reference)
    const isShort = reference.length < MIN_PREFIX
    const found =
      exact.length > 0 || isShort
        ? exact
        : all.filter(({ approval }) => approval.startsWith(reference))
    const [first] = found
    if (!first) throw new ProtocolError('NO_SUCH_APPROVAL', { approval: reference })
    if (found.length === 1) return first
    throw new ProtocolError('AMBIGUOUS_APPROVAL', { approval: reference, count: found.length })
  }

  /** A new question; undefined for one that was asked before. */
  ask(
    session: SessionRecord,
    chunk: StoredChunk,
    question: ChunkBody<'approval_request'>,
  ): ApprovalRecord | undefined {
    if (this.get(session.session, question.approval)) return undefined
    const record = newApproval(session, chunk, question, this.#nextChange())
    this.#keep(record)
    if (record.expire_ms !== undefined) {
      this.#deadlines.set(approvalKey(record), this.#clock.now() + record.expire_ms)
    }
    return record
  }

  /** Whether there is no room for this one among those that wait, or no room for its owner. */
  isTooMany({ session }: ApprovalRecord, ownerOf: (session: string) => string): boolean {
    const { maxPendingPerSession, maxPending } = this.limits
    if (this.pendingCount(session) > maxPendingPerSession) return true
    return this.#pendingCount > maxPending || this.#isOverShare(ownerOf(session), ownerOf)
  }

  /** Counted only when there are many. */
  #isOverShare(owner: string, ownerOf: (session: string) => string): boolean {
    const shares = new Shares(this.#rule)
    const most = { records: this.limits.maxPending, bytes: 0 }
    if (this.#pendingCount <= shares.limitOf(most).records) return false
    for (const session of this.#bySession.keys()) {
      shares.add(ownerOf(session), { records: this.pendingCount(session), bytes: 0 })
    }
    shares.remove(owner, ONE) // it has been counted already
    return shares.isOver(owner, ONE, most)
  }

  /** Changes it in memory; the caller writes what comes back, and then calls `written`. */
  move(record: ApprovalRecord, standing: Standing): ApprovalRecord {
    const next = moved(record, standing, this.#nextChange())
    this.#keep(next)
    return next
  }

  /** These changes are on disk: lists may show them. */
  written(records: readonly ApprovalRecord[]): void {
    for (const record of records) {
      this.#outstanding.delete(record.change)
      this.#toldOf(record)
    }
  }

  /** Falls back to what is on disk, after a write has failed. */
  rewind(session: string): void {
    for (const record of this.of(session)) {
      const key = approvalKey(record)
      const stored = this.#durable.get(key)
      if (stored === record) continue
      this.#drop(key)
      if (stored) this.#keep(stored)
      else this.#deadlines.delete(key)
    }
    this.#forgetBurnt()
  }

  /** What fits, the one that changed last at the end. */
  page(query: ApprovalQuery): Result<'approval.list'> {
    const head = this.#headSeen(query.sees)
    // A cursor that is ahead of everything is of another journal: begin anew.
    const since = query.since > head ? 0 : query.since
    const approvals: ApprovalInfo[] = []
    let bytes = 0
    for (const record of this.#durable.values()) {
      if (record.change <= since || record.change > head || !fits(record, query)) continue
      const info = approvalInfo(record)
      bytes += encode(info).length
      if (approvals.length >= query.limit || (bytes > MAX_PAGE_BYTES && approvals.length > 0)) {
        return { approvals, cursor: approvals.at(-1)?.change ?? since, more: true }
      }
      approvals.push(info)
    }
    return { approvals, cursor: head, more: false }
  }

  /** Those that wait and whose time is over. */
  overdue(now: number): ApprovalRecord[] {
    const due: ApprovalRecord[] = []
    for (const [key, at] of this.#deadlines) {
      const record = this.#current.get(key)
      const waits = record?.standing.kind === 'pending'
      if (record && waits && at <= now) {
        due.push(record)
        this.#deadlines.set(key, now + EXPIRE_AGAIN_MS)
      }
      // A change that is not on disk may fall back.
      if (!record || (!waits && this.isWritten(record))) this.#deadlines.delete(key)
    }
    return due
  }

  /** Those of a session that can go with it: all but the newest, from whose number the next ones go on. */
  removable(session: string): ApprovalRecord[] {
    return this.of(session).filter(({ change }) => change < this.#newest)
  }

  /** These are gone from the disk. */
  forget(records: readonly ApprovalRecord[]): void {
    for (const record of records) {
      const key = approvalKey(record)
      if (this.#durable.delete(key) && !isOpen(record)) this.#settledCount -= 1
      this.#drop(key)
    }
  }

  /** Drops settled ones that are too many or too old; never the newest. */
  purge(wallMs: number): JournalOperation[] {
    const { maxSettled, settledKeptMs } = this.limits
    const dropped: ApprovalRecord[] = []
    let left = this.#settledCount
    for (const record of this.#durable.values()) {
      const { standing } = record
      if (standing.kind === 'pending' || standing.kind === 'answered') continue
      if (record.change === this.#newest) continue
      const isOld = wallMs - settledAt(standing) >= settledKeptMs
      if (!isOld && left <= maxSettled) break
      left -= 1
      dropped.push(record)
    }
    this.forget(dropped)
    return dropped.map(dropApproval)
  }

  /** Highest change that is on disk with all before it; the next life of the broker knows it too. */
  #head(): number {
    const [first] = this.#outstanding
    return first === undefined ? this.#newest : Math.min(this.#newest, first - 1)
  }

  /** The same, as far as the caller sees: changes that are none of its business move nothing for it. */
  #headSeen(sees: 'all' | Sees): number {
    const head = this.#head()
    if (sees === 'all') return head
    let seen = 0
    for (const record of this.#durable.values()) {
      if (record.change <= head && sees(record)) seen = Math.max(seen, record.change)
    }
    return seen
  }

  #nextChange(): number {
    this.#lastChange += 1
    this.#outstanding.add(this.#lastChange)
    return this.#lastChange
  }

  /** Numbers of changes that were never written; nobody has seen them. */
  #forgetBurnt(): void {
    const alive = new Set([...this.#current.values()].map(({ change }) => change))
    for (const change of this.#outstanding) if (!alive.has(change)) this.#outstanding.delete(change)
  }

  #keep(record: ApprovalRecord): void {
    const key = approvalKey(record)
    this.#drop(key)
    this.#current.set(key, record)
    const keys = this.#bySession.get(record.session) ?? new Set()
    this.#bySession.set(record.session, keys.add(key))
    if (record.standing.kind === 'pending') this.#pendingCount += 1
  }

  #drop(key: string): void {
    const record = this.#current.get(key)
    if (!record) return
    this.#current.delete(key)
    if (record.standing.kind === 'pending') this.#pendingCount -= 1
    const keys = this.#bySession.get(record.session)
    keys?.delete(key)
    if (keys?.size === 0) this.#bySession.delete(record.session)
  }

  #toldOf(record: ApprovalRecord): void {
    const key = approvalKey(record)
    const before = this.#durable.get(key)
    if (before && before.change > record.change) return
    const wasOpen = before === undefined || isOpen(before)
    if (wasOpen && !isOpen(record)) this.#settledCount += 1
    this.#newest = Math.max(this.#newest, record.change)
    this.#durable.delete(key)
    this.#durable.set(key, record)
  }
}

function fits(record: ApprovalRecord, { sees, session, states }: ApprovalQuery): boolean {
  if (sees !== 'all' && !sees(record)) return false
  if (session !== undefined && record.session !== session) return false
  return !states || states.includes(stateOf(record))
}
