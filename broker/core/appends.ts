/**
 * Takes chunks from hosts: numbers them, writes them in one group for each turn of the broker, and only
 * when they are on disk acknowledges and publishes them (docs/protocol.md section 5).
 */
import { decodeBody } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { WIRE_LIMITS } from '../../protocol/limits.ts'
import { CHUNK_CODES, CHUNKS, type ChunkBody } from '../../protocol/messages/chunk.ts'
import type { HeadFor } from '../../protocol/messages/index.ts'
import type { StoredChunk } from '../journal/journal.ts'
import { type ApprovalRecord, isOpen, saveApproval, settlement } from './approval-record.ts'
import { answerForAll } from './approval-steps.ts'
import type { Core } from './core.ts'
import type { Operation } from './events.ts'
import type { Host } from './hosts.ts'
import { PROCESS_ENDED, processEnded, saveSession, turnEnded } from './lifecycle.ts'
import type { SessionRecord } from './sessions.ts'
import { appendOperation, newChunk } from './streams.ts'

/** What users said and what became of sessions is not for a host to tell. */
const BROKERS_OWN: ReadonlySet<number> = new Set([
  CHUNK_CODES.prompt,
  CHUNK_CODES.status,
  CHUNK_CODES.event,
])

interface Acknowledgement {
  /** Of the chunks; the session may be in a later one when they are on disk. */
  readonly epoch: number
  readonly sequence: number
}

/** What a host gets as credit at first: some seconds of a fast agent, bytes. */
export const HOST_CREDIT_BYTES = 4 * 1024 * 1024
/** A host that has any credit left may send one more chunk, of any size that the wire takes, bytes. */
const SLACK_BYTES = WIRE_LIMITS.maxBodiesBytes
/** New chunks of one host on the way to the disk, because a chunk may be next to empty; hosts send 8,192. */
const MAX_CHUNKS_UNDER_WAY = 65_536

/** What a host has on the way to the disk, from one handshake to the next. */
interface Account {
  /** Credit that it has used and not got back. */
  bytes: number
  /** Chunks that are new. */
  chunks: number
}

interface Group {
  readonly connection: string
  readonly account: Account
  readonly operations: Operation[]
  readonly chunks: Map<SessionRecord, StoredChunk[]>
  /** Questions that were asked or withdrawn. */
  readonly approvals: ApprovalRecord[]
  readonly acknowledge: Map<SessionRecord, Acknowledgement>
  /** Sessions whose hole was complained about: what follows it in the same bundle is no news. */
  readonly holes: Set<SessionRecord>
  /** What its end gives back. */
  readonly used: Account
}

function invalid(reason: string): ProtocolError {
  return new ProtocolError('INVALID_MESSAGE', { what: 'APPEND', reason })
}

export class Appends {
  readonly #core: Core
  /** Groups of this turn of the broker, by connection. */
  #groups = new Map<string, Group>()
  /** By connection. */
  readonly #accounts = new Map<string, Account>()

  constructor(core: Core) {
    this.#core = core
  }

  /** Bytes of this host that are on their way to the disk. */
  creditSpent(connection: string): number {
    return this.#accounts.get(connection)?.bytes ?? 0
  }

  /** What comes back of what was under way is of no use to what comes after. */
  connectionEnded(connection: string): void {
    this.#accounts.delete(connection)
  }

  /** Throws FENCED, INVALID_MESSAGE or SEQUENCE_HOLE; a duplicate is only acknowledged again. */
  take(connection: string, host: Host, head: HeadFor<'APPEND'>, body: Buffer): void {
    const group = this.#groupOf(connection)
    spend(group, { bytes: body.length, chunks: 0 })
    if (this.#isBeyondCredit(group.account)) {
      this.#endFor(connection, host)
      return
    }
    const record = this.#leased(host, head)
    if (!record) return
    const stream = this.#core.streams.of(record.session)
    if (head.sequence <= stream.producer) {
      const sequence = Math.max(
        stream.producerDurable,
        group.acknowledge.get(record)?.sequence ?? 0,
      )
      group.acknowledge.set(record, { epoch: record.epoch, sequence })
      this.#core.tally.chunksRepeated += 1
      return
    }
    if (head.sequence !== stream.producer + 1) {
      if (group.holes.has(record)) return
      group.holes.add(record)
      throw new ProtocolError('SEQUENCE_HOLE', {
        session: record.session,
        got: head.sequence,
        expected: stream.producer + 1,
      })
    }
    const follow = this.#consequence(group, record, head, body)
    spend(group, { bytes: 0, chunks: 1 })
    stream.producer = head.sequence
    this.#core.tally.took(body.length)
    this.#endWhatEnds(group, record, head)
    const { turn, type } = head
    const wallMs = this.#core.clock.wall()
    const chunk = this.#core.streams.number(record.session, { turn, type, body }, wallMs)
    this.#add(group, record, chunk)
    follow?.(chunk)
  }

  #isBeyondCredit({ bytes, chunks }: Account): boolean {
    const { hostCreditBytes } = this.#core.ports.limits
    return bytes > hostCreditBytes + SLACK_BYTES || chunks > MAX_CHUNKS_UNDER_WAY
  }

  /** A host that does not wait for credit would fill the memory: it loses its connection for a while. */
  #endFor(connection: string, host: Host): void {
    const { tally, ports } = this.#core
    tally.reached('credit')
    ports.log('host beyond its credit', { host: host.id })
    const what = `the credit of host ${host.registration.name}`
    const limit = `${ports.limits.hostCreditBytes} bytes`
    ports.access.banish(connection, new ProtocolError('OVERLOADED', { what, limit }))
  }

  /** What a chunk does to its session besides; only such chunks are decoded. Throws INVALID_MESSAGE. */
  #consequence(
    group: Group,
    record: SessionRecord,
    { turn, type }: HeadFor<'APPEND'>,
    body: Buffer,
  ): ((chunk: StoredChunk) => void) | undefined {
    if (turn > record.turn) {
      throw invalid(`/turn ${turn} was never given out`)
    }
    if (BROKERS_OWN.has(type)) throw invalid('/type is of those that the broker alone writes')
    switch (type) {
      case CHUNK_CODES.turn_complete:
        return this.#saved(group, record, (wallMs) => turnEnded(record, turn, wallMs))
      case CHUNK_CODES.complete: {
        const complete = decodeBody(CHUNKS.complete, body)
        if (complete.session_id !== record.session)
          throw invalid('/session_id is of another session')
        return this.#saved(group, record, (wallMs) => processEnded(record, complete, wallMs))
      }
      case CHUNK_CODES.approval_request: {
        const question = decodeBody(CHUNKS.approval_request, body)
        return (chunk) => this.#keep(group, this.#core.approvals.ask(record, chunk, question))
      }
      case CHUNK_CODES.approval_settled: {
        const settled = decodeBody(CHUNKS.approval_settled, body)
        // Who decided what is on record here; a host can only say that nobody is asked any more.
        if (settled.outcome !== 'withdrawn' || settled.by !== '') {
          throw invalid('/outcome can only be withdrawn, and by nobody')
        }
        return () => this.#settledByHost(group, record, settled)
      }
      default:
        return undefined
    }
  }

  #saved(group: Group, record: SessionRecord, change: (wallMs: number) => void) {
    return () => {
      change(this.#core.clock.wall())
      group.operations.push(...saveSession(this.#core, record))
    }
  }

  /** The broker tells what the host does not: questions and turns that end with the turn or the process. */
  #endWhatEnds(group: Group, record: SessionRecord, { type, turn }: HeadFor<'APPEND'>): void {
    if (type === CHUNK_CODES.turn_complete) {
      this.#withdraw(group, record, 'the turn ended', (one) => {
        return one.turn === turn && one.standing.kind === 'pending'
      })
    } else if (type === CHUNK_CODES.complete) {
      this.#withdraw(group, record, PROCESS_ENDED, isOpen)
      this.#endTurns(group, record)
    }
  }

  #withdraw(
    group: Group,
    record: SessionRecord,
    reason: string,
    isOver: (approval: ApprovalRecord) => boolean,
  ): void {
    const { approvals, streams, clock } = this.#core
    for (const one of approvals.of(record.session).filter(isOver)) {
      const standing = { kind: 'withdrawn', reason, at: clock.wall() } as const
      this.#keep(group, approvals.move(one, standing))
      const body = { approval: one.approval, ...settlement(standing) }
      const chunk = newChunk('approval_settled', one.turn, body)
      this.#add(group, record, streams.number(record.session, chunk, clock.wall()))
    }
  }

  /** Hosts settle a question in one way only: the agent no longer asks. */
  #settledByHost(
    group: Group,
    { session }: SessionRecord,
    { approval, reason = '' }: ChunkBody<'approval_settled'>,
  ): void {
    const { approvals, clock } = this.#core
    const found = approvals.get(session, approval)
    if (!found || !isOpen(found)) return
    this.#keep(group, approvals.move(found, { kind: 'withdrawn', reason, at: clock.wall() }))
  }

  #keep(group: Group, approval: ApprovalRecord | undefined): void {
    if (!approval) return
    group.approvals.push(approval)
    group.operations.push(saveApproval(approval))
  }

  #groupOf(connection: string): Group {
    const account = this.#accountOf(connection)
    let group = this.#groups.get(connection)
    if (group && group.account !== account) this.flush() // of before it shook hands anew
    if (!group || group.account !== account) {
      group = {
        connection,
        account,
        operations: [],
        chunks: new Map(),
        approvals: [],
        acknowledge: new Map(),
        holes: new Set(),
        used: { bytes: 0, chunks: 0 },
      }
      this.#groups.set(connection, group)
    }
    return group
  }

  #accountOf(connection: string): Account {
    const known = this.#accounts.get(connection)
    if (known) return known
    const account = { bytes: 0, chunks: 0 }
    this.#accounts.set(connection, account)
    return account
  }

  /** Turns that were accepted when the process had ended already: its host does not know of them. */
  #endTurns(group: Group, record: SessionRecord): void {
    const { streams, clock } = this.#core
    for (const { turn } of record.open) {
      const end = newChunk('turn_complete', turn, { turn_number: turn, reason: 'gone' })
      this.#add(group, record, streams.number(record.session, end, clock.wall()))
    }
  }

  /** Undefined while the end of this lease may still fall back; the host sends again. Throws FENCED. */
  #leased(host: Host, head: HeadFor<'APPEND'>): SessionRecord | undefined {
    const record = this.#core.sessions.get(head.session)
    if (record && record.host === host.id) {
      if (record.epoch === head.epoch) return record
      if (record.epoch > head.epoch && !this.#core.streams.isSettled(head.session)) return undefined
    }
    // Of a session that is none of this host's, not even that it exists is told.
    const current = record?.host === host.id ? record.epoch : 0
    throw new ProtocolError('FENCED', { session: head.session, epoch: head.epoch, current })
  }

  #add(group: Group, record: SessionRecord, chunk: StoredChunk): void {
    group.operations.push(appendOperation(record.session, chunk))
    const chunks = group.chunks.get(record)
    if (chunks) chunks.push(chunk)
    else group.chunks.set(record, [chunk])
    group.acknowledge.set(record, { epoch: record.epoch, sequence: chunk.producerSequence })
  }

  flush(): void {
    if (this.#groups.size === 0) return
    const groups = this.#groups
    this.#groups = new Map()
    for (const group of groups.values()) {
      if (group.operations.length === 0) continue
      this.#core.batch.add(group.operations, (error) => {
        if (error) this.#refuse(group, error)
        else this.#settle(group)
      })
    }
    // Last, because an answer may cut a connection off, and that writes to streams as well.
    for (const group of groups.values()) if (group.operations.length === 0) this.#settle(group)
  }

  #settle(group: Group): void {
    const { connection, chunks, approvals, acknowledge } = group
    const now = this.#core.clock.now()
    for (const [record, list] of chunks) this.#core.streams.published(record.session, list, now)
    this.#core.approvalWatch.written(approvals)
    for (const approval of approvals.reverse()) this.#denyWhatIsTooMuch(approval)
    for (const [{ session }, { epoch, sequence }] of acknowledge) {
      this.#core.send(connection, { kind: 'APPENDED', session, epoch, sequence })
    }
    this.#grant(group)
  }

  #denyWhatIsTooMuch(approval: ApprovalRecord): void {
    const { approvals, clock, sessions } = this.#core
    const ownerOf = (session: string) => sessions.get(session)?.owner ?? ''
    if (approval.standing.kind !== 'pending' || !approvals.isTooMany(approval, ownerOf)) return
    const { maxPendingPerSession, maxPending } = approvals.limits
    const limits = `${maxPendingPerSession} of one session, ${maxPending} in all, and a share of each owner`
    const message = `Too many questions wait for an answer already (${limits}), so it was denied.`
    answerForAll(this.#core, approval, { outcome: 'deny', by: '', at: clock.wall(), message })
  }

  /** Not on disk: the host keeps the chunks and sends them again after a while. */
  #refuse(group: Group, error: Error): void {
    this.#core.complain(group.connection, '', ProtocolError.from(error, 'broker', 'no'))
    this.#grant(group)
  }

  /** Whoever has shaken hands anew has all its credit again, without what came before. */
  #grant({ connection, account, used: { bytes, chunks } }: Group): void {
    account.bytes -= bytes
    account.chunks -= chunks
    if (bytes === 0 || this.#accounts.get(connection) !== account) return
    this.#core.send(connection, { kind: 'CREDIT', bytes })
  }
}

function spend({ account, used }: Group, { bytes, chunks }: Account): void {
  account.bytes += bytes
  account.chunks += chunks
  used.bytes += bytes
  used.chunks += chunks
}
