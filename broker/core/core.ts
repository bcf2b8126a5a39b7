/**
 * The routing core: (state, message, now) -> effects. No sockets, no timers, no clock of its own, so that
 * the broker process and a simulated network drive the same code.
 */
import type { Message } from '../../protocol/bundle.ts'
import { EMPTY, encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { RandomBytes } from '../../protocol/ids.ts'
import type { Identity } from '../../protocol/link/broker-link.ts'
import type { Head } from '../../protocol/messages/index.ts'
import { GROUP_LIMITS } from '../journal/group-commit.ts'
import type { Journal } from '../journal/journal.ts'
import type { AccessPort } from './access.ts'
import { Appends, HOST_CREDIT_BYTES } from './appends.ts'
import { tickApprovals } from './approval-steps.ts'
import { ApprovalWatch } from './approval-watch.ts'
import { APPROVAL_LIMITS, type ApprovalLimits, Approvals } from './approvals.ts'
import { askedOf } from './audit/asked.ts'
import { Audit } from './audit/audit.ts'
import { AuditChain } from './audit/chain.ts'
import { auditRefusal } from './audit/refused-request.ts'
import { Batch, type CommitLimits } from './batch.ts'
import { Calls } from './calls.ts'
import { ageClock, type Clock } from './clock.ts'
import { AUDIT, type Event, Events, type EventsLimits, event, isOwnStream } from './events.ts'
import { HANDLERS } from './handlers/index.ts'
import { Handovers } from './handovers.ts'
import { type ConnectionLoss, HostCalls } from './host-calls.ts'
import { HostOwners } from './host-owners.ts'
import { Hosts, type LinkEvidence } from './hosts.ts'
import { IDEMPOTENCY_LIMITS, Idempotency, type IdempotencyLimits } from './idempotency.ts'
import { Knockers } from './knockers.ts'
import { hostLost, saveSession, tellUnreported } from './lifecycle.ts'
import { Principals } from './principals.ts'
import { QUOTA_LIMITS, type QuotaLimits, Quotas } from './quotas.ts'
import { AutoRecovery } from './recover.ts'
import { Redo } from './redo.ts'
import { removeSession } from './removal.ts'
import { restore, storedRecord } from './restore.ts'
import { RETENTION, type RetentionPolicy } from './retention.ts'
import { RetentionSweep } from './retention-sweep.ts'
import { Sessions } from './sessions.ts'
import { SHARE_PERCENT, type ShareRule } from './shares.ts'
import { STATE_LIMITS, State } from './state.ts'
import { Streams } from './streams.ts'
import { Tally } from './tally.ts'
import { TASK_LIMITS, Tasks } from './tasks.ts'
import { TICKET_LIMITS, type TicketLimits, Tickets } from './tickets.ts'
import { Usage } from './usage.ts'
import type { TableLimits } from './versioned.ts'
import { WORKFLOW_LIMITS, type WorkflowLimits } from './workflows/limits.ts'
import { Workflows } from './workflows/workflows.ts'

export interface CoreLimits extends ApprovalLimits, CommitLimits, EventsLimits {
  /** Calls that one connection may have under way. */
  readonly maxCallsPerConnection: number
  /** What principals may ask for. */
  readonly quotas: QuotaLimits
  /** Share of sessions, tasks, state, workflows and questions that one principal may take up. */
  readonly sharePercent: number
  /** Bytes of chunks that a host may have on the way to the disk. */
  readonly hostCreditBytes: number
  /** Turns of one session that may wait or run. */
  readonly maxOpenTurns: number
  /** Sessions in all, ended ones included. */
  readonly maxSessions: number
  /** Hosts that are remembered. */
  readonly maxHosts: number
  readonly tickets: TicketLimits
  readonly state: TableLimits
  readonly tasks: TableLimits
  readonly idempotency: IdempotencyLimits
  readonly retention: RetentionPolicy
  readonly workflows: WorkflowLimits
}

export const CORE_LIMITS: CoreLimits = {
  ...GROUP_LIMITS,
  commitDelayMs: 0, // latency first: what comes meanwhile shares the next commit
  ...APPROVAL_LIMITS,
  maxCallsPerConnection: 4096, // far above what a busy client keeps in flight
  quotas: QUOTA_LIMITS,
  sharePercent: SHARE_PERCENT,
  hostCreditBytes: HOST_CREDIT_BYTES,
  maxOpenTurns: 64, // a prompt each; more is a runaway script
  maxSessions: 100_000, // about 1 KB of memory each
  maxHosts: 4096, // the most connections there can be
  maxEvents: 100_000, // some weeks of a busy broker, about 40 MB
  maxEventBytes: 128 * 1024 * 1024, // only events with much metadata come to more
  tickets: TICKET_LIMITS,
  maxAuditRecords: 1_000_000, // a call a second for eleven days, about 600 MB
  maxAuditBytes: 1024 * 1024 * 1024, // as many records at their longest are about as much
  state: STATE_LIMITS,
  tasks: TASK_LIMITS,
  idempotency: IDEMPOTENCY_LIMITS,
  retention: RETENTION,
  workflows: WORKFLOW_LIMITS,
}

/** A host that is not back this long after a restart of the broker is reported as away, ms. */
const COME_BACK_MS = 10_000

/** A write of the journal that takes longer than this is told in the log, ms: until then nothing goes on. */
const SLOW_WRITE_MS = 1000

/** What the core knows of the process around it; measured when asked. */
export interface Surroundings {
  readonly software: string
  readonly instance: string
  readonly pid: number
  readonly endpoint: string
  readonly streams: string
  readonly journalPath: string
  readonly loopLagMs: () => number
  readonly rssBytes: () => number
}

export interface MetricsText {
  readonly content_type: string
  readonly text: string
}

export interface CorePorts {
  readonly clock: Clock
  readonly random: RandomBytes
  readonly journal: Journal
  readonly limits: CoreLimits
  readonly surroundings: Surroundings
  readonly send: (connection: string, head: Head, body: Buffer) => void
  readonly publish: (topic: string, messages: readonly Message[]) => void
  readonly link: (connection: string) => LinkEvidence | undefined
  readonly access: AccessPort
  readonly connectionCount: () => number
  /** The figures of the whole broker in the text format of Prometheus. */
  readonly metrics: () => Promise<MetricsText>
  /** Something happened that operators want in the log. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void
}

export class Core {
  readonly ports: CorePorts
  readonly clock: Clock
  readonly journal: Journal
  readonly batch: Batch
  readonly sessions: Sessions
  readonly hosts = new Hosts()
  readonly hostOwners: HostOwners
  readonly streams: Streams
  readonly events: Events
  readonly audit: Audit
  readonly tickets: Tickets
  readonly idempotency: Idempotency
  readonly calls: Calls
  readonly hostCalls: HostCalls
  readonly handovers: Handovers
  readonly appends: Appends
  readonly retention: RetentionSweep
  readonly approvals: Approvals
  readonly state: State
  readonly tasks: Tasks
  readonly approvalWatch: ApprovalWatch
  readonly workflows: Workflows
  readonly principals: Principals
  readonly knockers: Knockers
  readonly quotas: Quotas
  readonly shareRule: ShareRule
  readonly redo = new Redo()
  readonly usage = new Usage()
  readonly autoRecovery = new AutoRecovery()
  readonly tally = new Tally()
  /** ms since 1970. */
  readonly startedAt: number
  readonly #startedNow: number
  readonly #ageNow: () => number
  readonly #chain: AuditChain
  /** How often this journal has been opened by a broker. */
  readonly epoch: number
  #phase: 'running' | 'draining' = 'running'
  /** When readers are told of hosts that did not come back, monotonic ms; undefined once they were. */
  #unreportedAt: number | undefined

  constructor(ports: CorePorts) {
    this.ports = ports
    this.clock = ports.clock
    this.journal = ports.journal
    this.startedAt = ports.clock.wall()
    this.#startedNow = ports.clock.now()
    this.shareRule = {
      percent: ports.limits.sharePercent,
      onLimit: () => this.tally.reached('share'),
    }
    this.sessions = new Sessions((owner) => this.principals.isLimited(owner), this.shareRule)
    this.batch = new Batch({
      journal: ports.journal,
      now: () => ports.clock.now(),
      limits: ports.limits,
      seal: (operations) => this.events.seal(operations),
      onWritten: (operations, tookMs, error) => this.#written(operations, tookMs, error),
      onFailure: (sessions, error) => this.#rewind(sessions, error),
      onSettled: () => {
        this.audit.settled()
        this.workflows.turn()
      },
      onDefect: (thrown) => this.defect(thrown),
    })
    const { journal, random, limits } = ports
    this.retention = this.#buildRetention()
    this.streams = new Streams({
      journal,
      random,
      publish: (topic, messages) => {
        this.tally.published(messages)
        ports.publish(topic, messages)
      },
      durable: (session, chunks) => {
        if (isOwnStream(session)) return
        this.retention.added(session, chunks)
        this.workflows.heard(session, chunks)
      },
    })
    this.#chain = new AuditChain(journal)
    this.events = new Events({
      clock: ports.clock,
      streams: this.streams,
      journal,
      chain: this.#chain,
      limits,
      free: (operations, settled) => this.batch.free(operations, settled),
    })
    this.audit = new Audit({
      clock: ports.clock,
      add: (operations, settled) => this.batch.add(operations, settled),
      failure: () => this.batch.failure,
    })
    this.tickets = new Tickets({
      ...{ streams: this.streams, random, limits: limits.tickets },
      onLimit: () => this.tally.reached('tickets'),
    })
    this.idempotency = new Idempotency(journal, limits.idempotency)
    this.hostOwners = new HostOwners(journal)
    this.knockers = new Knockers(random)
    this.quotas = new Quotas(limits.quotas, (name) => this.tally.reached(name))
    this.hostCalls = new HostCalls(ports.send, () => ports.clock.now())
    this.handovers = new Handovers(() => ports.clock.now())
    const ageNow = ageClock(ports.clock, this.idempotency.newestAt)
    this.#ageNow = ageNow
    this.calls = new Calls({
      clock: ports.clock,
      asked: (request, connection) => askedOf(this, request, connection),
      audit: this.audit,
      epoch: () => this.epoch,
      ageNow,
      batch: this.batch,
      idempotency: this.idempotency,
      tally: this.tally,
      send: ports.send,
    })
    this.appends = new Appends(this)
    this.approvals = new Approvals({ ...ports, rule: this.shareRule })
    this.approvalWatch = new ApprovalWatch(this.approvals)
    this.workflows = new Workflows(this, limits.workflows)
    this.state = new State(journal, limits.state, this.shareRule)
    this.tasks = new Tasks(journal, limits.tasks, this.shareRule)
    this.principals = new Principals(journal)
    this.epoch = restore(this)
    this.#unreportedAt = ports.clock.now() + COME_BACK_MS
  }

  get uptimeMs(): number {
    return this.clock.now() - this.#startedNow
  }

  /**
   * ms since 1970, for what goes when it is old: of the wall clock and the clock of ages the one that says
   * that less time has passed, because what is gone does not come back.
   */
  get wallForAges(): number {
    return Math.min(this.clock.wall(), this.age)
  }

  /** The clock of ages (clock.ts), ms since 1970. */
  get age(): number {
    return this.#ageNow()
  }

  get isDraining(): boolean {
    return this.#phase === 'draining'
  }

  /** From now on new work is refused; what is under way goes on. */
  drain(): void {
    if (this.isDraining) return
    this.#phase = 'draining'
    this.approvalWatch.close()
    this.audit.note({ event: 'broker.draining' })
    this.audit.flush()
  }

  /** Nothing is under way and everything is on disk. */
  get isQuiet(): boolean {
    return this.calls.inFlight === 0 && this.batch.isIdle
  }

  /** One message of a welcomed connection. Never throws: what goes wrong is its sender's answer. */
  message(connection: string, identity: Identity, message: Message): void {
    const { head } = message
    try {
      HANDLERS[head.kind]({
        core: this,
        connection,
        identity,
        head: head as never,
        body: message.body,
      })
    } catch (thrown) {
      const id = 'id' in head && typeof head.id === 'string' ? head.id : ''
      const error = ProtocolError.from(thrown, 'broker', 'unknown')
      if (head.kind === 'REQUEST') {
        this.tally.refused(head.method, error.code)
        auditRefusal(this, { connection, identity, head }, error)
      }
      this.complain(connection, id, error)
    }
  }

  /** A ticket was redeemed and its pipe subscribed: HEAD tells the reader that it is live. */
  subscribed(ticket: string): void {
    const state = this.tickets.streamOf(ticket)
    if (state) this.streams.publishHead(state, this.clock.now())
  }

  /** A principal has other rights than before: what it reads and waits for ends; who still may opens anew. */
  leaveStreams(principal: string): void {
    for (const { ticket, connection } of this.tickets.revoke(principal)) {
      this.send(connection, { kind: 'MOVED', ticket })
    }
    this.calls.revoke(principal)
  }

  /** A handshake was completed; if it was not the first, what came before it is void. */
  connectionBegan(connection: string): void {
    this.connectionEnded(connection, 'it began anew', 'anew')
  }

  /** The connection is gone, for whatever reason, or what it had is void. */
  connectionEnded(connection: string, reason: string, loss: ConnectionLoss = 'gone'): void {
    this.tickets.connectionEnded(connection)
    this.calls.connectionEnded(connection)
    const host = this.hosts.connectionEnded(connection, {
      wallMs: this.clock.wall(),
      now: this.clock.now(),
    })
    if (host) {
      this.usage.hostGone(host.id)
      hostLost(this, host, reason)
    }
    this.hostCalls.connectionEnded(connection, loss)
    this.appends.connectionEnded(connection)
  }

  /** Ends one turn of the broker: what it wants on disk goes to the journal. */
  flush(): void {
    this.appends.flush()
    this.batch.flush()
  }

  tick(): void {
    const now = this.clock.now()
    this.#each([
      () => this.calls.tick(now),
      () => this.hostCalls.tick(now),
      () => this.handovers.tick(now),
      () => this.tickets.tick(now),
      () => this.quotas.tick(now),
      () => this.streams.tick(now),
      ...this.redo.due(now),
      () => tickApprovals(this, now),
      () => this.workflows.tick(),
      () => this.#tickUnreported(now),
      () => this.#tickIdempotency(),
      () => this.retention.tick(),
      () => this.events.tick(),
      () => this.audit.tick(),
    ])
    this.flush()
  }

  /** What goes wrong in one of them keeps nobody else from its turn. */
  #each(works: readonly (() => void)[]): void {
    for (const work of works) {
      try {
        work()
      } catch (thrown) {
        this.defect(thrown)
      }
    }
  }

  #tickUnreported(now: number): void {
    if (this.#unreportedAt === undefined || now < this.#unreportedAt) return
    this.#unreportedAt = undefined
    tellUnreported(this)
  }

  #tickIdempotency(): void {
    const expired = this.idempotency.expire(this.age)
    if (expired.length > 0) this.batch.free(expired, () => {})
  }

  /** Tells of a change that has no record in the journal. */
  tell(told: Event): void {
    this.batch.add([event(told)], (error) => {
      if (error) this.ports.log('event not written', { topic: told.topic, event: told.event })
    })
  }

  send(connection: string, head: Head, body: Buffer = EMPTY): void {
    this.ports.send(connection, head, body)
  }

  complain(connection: string, id: string, error: ProtocolError): void {
    if (error.code === 'INTERNAL') this.defect(error.cause ?? error)
    this.send(connection, { kind: 'ERROR', id }, encode(error.toWire()))
  }

  /** What must not happen did. `err` is the key under which the log writes a stack. */
  defect(thrown: unknown): void {
    this.ports.log('defect', { err: thrown })
  }

  #written(operations: number, tookMs: number, error: Error | undefined): void {
    this.tally.committed(operations, tookMs, error)
    if (tookMs < SLOW_WRITE_MS) return
    this.ports.log('journal write was slow', { took_ms: Math.round(tookMs), operations })
  }

  #buildRetention(): RetentionSweep {
    const { journal, limits, log } = this.ports
    return new RetentionSweep({
      policy: limits.retention,
      wall: () => this.wallForAges,
      journal,
      log,
      sessions: () => this.sessions.all(),
      durable: (session) => this.streams.durableOf(session),
      asked: (session) => this.approvals.firstAsked(session),
      free: (operations, settled) => this.batch.free(operations, settled),
      save: (record) => this.batch.add(saveSession(this, record), () => {}),
      remove: (record) => removeSession(this, record, () => {}),
    })
  }

  /** A write failed: memory falls back to what is on disk. */
  #rewind(sessions: ReadonlySet<string>, error: Error): void {
    this.ports.log('journal write failed', { error: error.message, sessions: sessions.size })
    // All that was not on disk has failed with it.
    this.state.rewind()
    this.tasks.rewind()
    this.principals.rewind()
    for (const session of sessions) {
      try {
        this.#rewindSession(session)
      } catch (thrown) {
        // Damaged on disk: memory is all there is. Those who wait for the write are told all the same.
        this.ports.log('session not rewound', { session, error: String(thrown) })
      }
    }
    this.workflows.rewind()
  }

  #rewindSession(session: string): void {
    this.streams.rewind(session)
    if (session === AUDIT) this.#chain.rewind()
    if (isOwnStream(session)) return
    this.approvals.rewind(session)
    const stored = this.journal.get('sessions', session)
    const record = this.sessions.get(session)
    if (stored === undefined) {
      this.sessions.delete(session)
      this.streams.forget(session)
      this.retention.forget(session)
    } else if (record) Object.assign(record, storedRecord(this, stored))
  }
}
