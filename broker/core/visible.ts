/**
 * What there is, to one caller. Handlers find sessions, and all that hangs on them, through here and no other
 * way: to a caller with reach `own` whatever it has not created does not exist.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import { hasScope } from '../../protocol/methods/define.ts'
import type { BrokerMethod } from '../../protocol/methods/index.ts'
import type { ApprovalRecord } from './approval-record.ts'
import type { ApprovalQuery } from './approvals.ts'
import type { Call } from './calls.ts'
import type { Core } from './core.ts'
import { AUDIT, EVENTS, isOwnStream } from './events.ts'
import { type Lagging, lagging } from './readers.ts'
import { forbidden, needsReachAll } from './rights.ts'
import { isLive, type SessionRecord } from './sessions.ts'
import { type Sight, sightOf } from './sight.ts'
import { executionOf } from './workflows/progress.ts'
import type { Run } from './workflows/run.ts'

type Caller = Pick<Call<BrokerMethod>, 'identity' | 'method'>

export function visible(core: Core, caller: Caller): Visible {
  return new Visible(core, caller)
}

class Visible {
  readonly #core: Core
  readonly #caller: Caller
  readonly #sight: Sight

  constructor(core: Core, caller: Caller) {
    this.#core = core
    this.#caller = caller
    this.#sight = sightOf(caller.identity)
  }

  get isLimited(): boolean {
    return this.#sight.isLimited
  }

  /** Throws NO_SUCH_SESSION, AMBIGUOUS_SESSION, or STORAGE_FAILED for one whose record is damaged. */
  session(reference: string): SessionRecord {
    return this.#core.sessions.resolve(reference, this.#sight)
  }

  sessions(): SessionRecord[] {
    return [...this.#core.sessions.all()].filter(({ owner }) => this.#sight.sees(owner))
  }

  liveCount(): number {
    return this.isLimited
      ? this.sessions().filter((record) => isLive(record)).length
      : this.#core.sessions.liveCount()
  }

  /** Sessions that hold a slot of this host. */
  used(host: string): number {
    if (!this.isLimited) return this.#core.sessions.used(host)
    return this.sessions().filter((record) => record.host === host && isLive(record)).length
  }

  /**
   * The id of a session by what callers say of it, or of a stream of the broker. Throws NO_SUCH_STREAM,
   * FORBIDDEN for the streams of all that happens and of the audit log, or as `session`.
   */
  stream(reference: string): string {
    if (!isOwnStream(reference)) return this.session(reference).session
    if (reference === AUDIT && !this.#readsAudit) {
      throw forbidden(this.#caller.identity.principal, 'admin', this.#caller.method)
    }
    if (this.isLimited && reference === EVENTS) throw needsReachAll(this.#caller)
    if (this.#seesStream(reference) && this.#core.events.has(reference)) return reference
    throw new ProtocolError('NO_SUCH_STREAM', { stream: reference })
  }

  /** Readers of streams, the one that is furthest behind first. */
  readers(): Lagging[] {
    return lagging(this.#core).filter(({ reading }) => this.#seesStream(reading.session))
  }

  /** Throws NO_SUCH_APPROVAL or AMBIGUOUS_APPROVAL. */
  approval(reference: string): ApprovalRecord {
    return this.#core.approvals.resolve(reference, ({ session }) => this.#seesSession(session))
  }

  approvals(query: Omit<ApprovalQuery, 'sees'>): ApprovalQuery {
    if (!this.isLimited) return { ...query, sees: 'all' }
    return { ...query, sees: ({ session }) => this.#seesSession(session) }
  }

  /** Throws NO_SUCH_WORKFLOW. */
  workflow(reference: string): Run {
    return this.#core.workflows.resolve(reference, this.#sight)
  }

  /** Newest first. */
  workflows(): Run[] {
    return this.#core.workflows.all().filter(({ record }) => this.#sight.sees(record.owner))
  }

  /** The audit log is not for everybody who may read streams. */
  get #readsAudit(): boolean {
    return !this.isLimited && hasScope(this.#caller.identity.roles, 'admin')
  }

  #seesSession(session: string): boolean {
    if (!this.isLimited) return true
    const record = this.#core.sessions.get(session)
    return record !== undefined && this.#sight.sees(record.owner)
  }

  #seesStream(id: string): boolean {
    if (id === AUDIT) return this.#readsAudit
    if (!this.isLimited) return true
    if (!isOwnStream(id)) return this.#seesSession(id)
    const execution = executionOf(id)
    const run = execution === undefined ? undefined : this.#core.workflows.get(execution)
    return run !== undefined && this.#sight.sees(run.record.owner)
  }
}
