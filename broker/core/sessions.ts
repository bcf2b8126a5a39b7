/** Sessions as the broker keeps them: records, the table of legal moves, and how references resolve. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { JsonObject } from '../../protocol/json.ts'
import type { Params } from '../../protocol/methods/index.ts'
import type { ApprovalPolicy, RecoveryPolicy } from '../../protocol/methods/session.ts'
import type { PauseMode, SessionStatus } from '../../protocol/methods/types.ts'
import type { KeptSize } from './retention.ts'
import { NO_SHARES, type ShareRule, Shares } from './shares.ts'
import type { Sight } from './sight.ts'

/** A turn that was asked for and has not ended. */
export interface OpenTurn {
  readonly turn: number
  /** Where its prompt is in the stream. */
  readonly sequence: number
  /** The host has it, so its prompt will not be read again. */
  readonly given?: true
}

type StartFields = Omit<
  Params<'session.create'>,
  'name' | 'host' | 'labels' | 'recovery' | 'approvals' | 'start' | 'metadata'
>

/** Where a session that is yet to be started is wanted. */
export type Wanted = Pick<Params<'session.create'>, 'host' | 'labels'>

/** What the journal holds of a session. */
export interface SessionRecord {
  readonly session: string
  name: string
  start: StartFields
  /** What becomes of questions that nobody answers; absent: they wait. */
  readonly approvals?: ApprovalPolicy
  readonly owner: string
  readonly created_at: number
  /** Empty until it is first placed. */
  host: string
  /** Only of one that was to start with its first prompt. */
  readonly wanted?: Wanted
  status: SessionStatus
  reason: string
  /** The status that `@events` has told last. */
  told?: SessionStatus
  paused: PauseMode | ''
  readonly recovery: RecoveryPolicy
  epoch: number
  turn: number
  open: OpenTurn[]
  changed_at: number
  cwd: string
  pid: number | null
  /** Of its last process, also when that has ended. */
  last_pid: number | null
  metadata: JsonObject
  exit_code: number | null
  signal: string
  native_session_id: string
  /** How much of its stream is kept, when this was written. */
  kept?: KeptSize
}

/** Statuses in which a session holds a slot of its host. */
const LIVE: ReadonlySet<SessionStatus> = new Set([
  'starting',
  'idle',
  'running',
  'stopping',
  'lost',
])

const MOVES: Readonly<Record<SessionStatus, readonly SessionStatus[]>> = {
  created: ['starting', 'ended'],
  starting: ['idle', 'running', 'lost', 'stopping', 'ended', 'failed'],
  idle: ['running', 'stopping', 'lost', 'ended', 'failed'],
  running: ['idle', 'stopping', 'lost', 'ended', 'failed'],
  stopping: ['ended', 'failed', 'lost'],
  lost: ['idle', 'running', 'stopping', 'ended', 'failed'],
  ended: ['starting'],
  failed: ['starting'],
}

/** Shortest prefix of an id that counts as a reference. */
const MIN_PREFIX = 4

export function isLive(record: SessionRecord): boolean {
  return LIVE.has(record.status)
}

/** It will not go on by itself: its name is free, and it may be taken away. */
export function hasEnded({ status }: SessionRecord): boolean {
  return status === 'ended' || status === 'failed'
}

/** It runs as this process. */
export function runsAs(record: SessionRecord, pid: number | null): void {
  record.pid = pid
  record.last_pid = pid ?? record.last_pid
}

/** The host has the turns up to this one. */
export function turnsGiven(record: SessionRecord, turn: number): void {
  record.open = record.open.map((open) => (open.turn <= turn ? { ...open, given: true } : open))
}

const ONE = { records: 1, bytes: 0 }

export class Sessions {
  readonly #isPrivate: (owner: string) => boolean
  readonly #shares: Shares
  readonly #records = new Map<string, SessionRecord>()
  /** Sessions whose record cannot be read: all that is known of them is that they exist. */
  readonly #damaged = new Set<string>()

  /** `isPrivate`: whether this principal has to do with its own sessions only, so that its names are its own too. */
  constructor(isPrivate: (owner: string) => boolean, rule: ShareRule = NO_SHARES) {
    this.#isPrivate = isPrivate
    this.#shares = new Shares(rule)
  }

  get size(): number {
    return this.#records.size
  }

  add(record: SessionRecord): void {
    if (!this.#records.has(record.session)) this.#shares.add(record.owner, ONE)
    this.#records.set(record.session, record)
  }

  /** Throws TOO_MANY_SESSIONS when there is no room for one more, or its owner has its share. */
  requireRoom(owner: string, limit: number): void {
    if (this.size >= limit) throw new ProtocolError('TOO_MANY_SESSIONS', { limit })
    const most = { records: limit, bytes: 0 }
    if (!this.#shares.isOver(owner, ONE, most)) return
    const { records } = this.#shares.limitOf(most)
    const message = `${owner} keeps its share of ${records} sessions already, ended ones included`
    throw new ProtocolError('TOO_MANY_SESSIONS', { limit: records }, { message })
  }

  addDamaged(session: string): void {
    this.#damaged.add(session)
  }

  delete(session: string): void {
    const record = this.#records.get(session)
    if (record) this.#shares.remove(record.owner, ONE)
    this.#records.delete(session)
  }

  get(session: string): SessionRecord | undefined {
    return this.#records.get(session)
  }

  all(): Iterable<SessionRecord> {
    return this.#records.values()
  }

  onHost(host: string): SessionRecord[] {
    return [...this.#records.values()].filter((record) => record.host === host)
  }

  /** Sessions that hold a slot of this host. */
  used(host: string): number {
    let count = 0
    for (const record of this.#records.values()) {
      if (record.host === host && isLive(record)) count += 1
    }
    return count
  }

  /** The same for all hosts that have any, in one pass. */
  usedPerHost(): ReadonlyMap<string, number> {
    const used = new Map<string, number>()
    for (const record of this.#records.values()) {
      if (isLive(record)) used.set(record.host, (used.get(record.host) ?? 0) + 1)
    }
    return used
  }

  /** Whether any session, ended or not, is of this host. */
  isKnownOf(host: string): boolean {
    for (const record of this.#records.values()) if (record.host === host) return true
    return false
  }

  liveCount(): number {
    let count = 0
    for (const record of this.#records.values()) if (isLive(record)) count += 1
    return count
  }

  /**
   * By id, by name (one that has not ended before one that has), or by a prefix of the id, among those that
   * the caller sees. Throws NO_SUCH_SESSION, AMBIGUOUS_SESSION, or STORAGE_FAILED for one whose record is damaged.
   */
  resolve(reference: string, sight: Sight): SessionRecord {
    const exact = this.#records.get(reference)
    if (exact && sight.sees(exact.owner)) return exact
    // Nobody knows whose it is.
    if (this.#damaged.has(reference) && !sight.isLimited) {
      const reason = `the record of session ${reference} is damaged; \`agentmq journal export\` has its chunks`
      throw new ProtocolError('STORAGE_FAILED', { reason })
    }
    return this.#byName(reference, sight) ?? this.#byPrefix(reference, sight)
  }

  /** The names that all share come first: nobody can take one over with a private session. */
  #byName(name: string, sight: Sight): SessionRecord | undefined {
    const named = this.#seen(sight, (record) => record.name === name)
    const shared = named.filter(({ owner }) => !this.#isPrivate(owner))
    const candidates = shared.length > 0 ? shared : named
    const living = candidates.filter((record) => !hasEnded(record))
    if (living.length > 1) {
      throw new ProtocolError('AMBIGUOUS_SESSION', { session: name, count: living.length })
    }
    return living[0] ?? newest(candidates)
  }

  #byPrefix(reference: string, sight: Sight): SessionRecord {
    const matching =
      reference.length < MIN_PREFIX
        ? []
        : this.#seen(sight, ({ session }) => session.startsWith(reference))
    const [first] = matching
    if (!first) throw new ProtocolError('NO_SUCH_SESSION', { session: reference })
    if (matching.length > 1) {
      throw new ProtocolError('AMBIGUOUS_SESSION', { session: reference, count: matching.length })
    }
    return first
  }

  #seen(sight: Sight, fits: (record: SessionRecord) => boolean): SessionRecord[] {
    return [...this.#records.values()].filter((record) => fits(record) && sight.sees(record.owner))
  }

  /**
   * Throws NAME_TAKEN when a session that has not ended has this name, other than the one that may. Whoever has
   * to do with its own sessions only takes names from nobody, and learns of nobody's.
   */
  claimName(name: string, owner: string, by?: SessionRecord): void {
    if (name === '') return
    const namespace = this.#namespaceOf(owner)
    for (const record of this.#records.values()) {
      if (record.name !== name || record === by || hasEnded(record)) continue
      if (this.#namespaceOf(record.owner) !== namespace) continue
      throw new ProtocolError('NAME_TAKEN', { name, session: record.session })
    }
  }

  #namespaceOf(owner: string): string {
    return this.#isPrivate(owner) ? owner : ''
  }
}

function newest(records: readonly SessionRecord[]): SessionRecord | undefined {
  return records.reduce<SessionRecord | undefined>(
    (best, record) => (best && best.created_at >= record.created_at ? best : record),
    undefined,
  )
}

/** Changes the status; a move that the table does not know is a defect of the broker. */
export function moveTo(
  record: SessionRecord,
  status: SessionStatus,
  reason: string,
  wallMs: number,
): void {
  if (!MOVES[record.status].includes(status)) {
    throw new ProtocolError('INTERNAL', {
      reason: `session ${record.session} cannot move from ${record.status} to ${status}`,
    })
  }
  record.status = status
  record.reason = reason
  record.changed_at = wallMs
}
