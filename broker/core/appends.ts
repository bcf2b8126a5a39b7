/**
 * Takes chunks from hosts: numbers them, writes them in one group for each turn of the broker, and only
 * when they are on disk acknowledges and publishes them (docs/protocol.md section 5).
 */
import { decodeBody } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { CHUNK_CODES, CHUNKS } from '../../protocol/messages/chunk.ts'
import type { HeadFor } from '../../protocol/messages/index.ts'
import type { JournalOperation, StoredChunk } from '../journal/journal.ts'
import type { Core } from './core.ts'
import type { Host } from './hosts.ts'
import { processEnded, saveSession, turnEnded } from './lifecycle.ts'
import type { SessionRecord } from './sessions.ts'
import { appendOperation, newChunk } from './streams.ts'

interface Acknowledgement {
  /** Of the chunks; the session may be in a later one when they are on disk. */
  readonly epoch: number
  readonly sequence: number
}

interface Group {
  readonly connection: string
  readonly operations: JournalOperation[]
  readonly chunks: Map<SessionRecord, StoredChunk[]>
  readonly acknowledge: Map<SessionRecord, Acknowledgement>
  /** Sessions whose hole was complained about: what follows it in the same bundle is no news. */
  readonly holes: Set<SessionRecord>
  credit: number
}

export class Appends {
  readonly #core: Core
  /** Groups of this turn of the broker, by connection. */
  #groups = new Map<string, Group>()
  /** Credit that hosts have used and not got back, bytes by connection. */
  readonly #spent = new Map<string, number>()

  constructor(core: Core) {
    this.#core = core
  }

  /** Bytes of this host that are on their way to the disk. */
  creditSpent(connection: string): number {
    return this.#spent.get(connection) ?? 0
  }

  connectionEnded(connection: string): void {
    this.#spent.delete(connection)
  }

  /** Throws FENCED, INVALID_MESSAGE or SEQUENCE_HOLE; a duplicate is only acknowledged again. */
  take(connection: string, host: Host, head: HeadFor<'APPEND'>, body: Buffer): void {
    const group = this.#groupOf(connection)
    group.credit += body.length
    this.#spent.set(connection, this.creditSpent(connection) + body.length)
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
    const follow = consequence(record, head, body)
    stream.producer = head.sequence
    this.#core.tally.took(body.length)
    if (head.type === CHUNK_CODES.complete) this.#endTurns(group, record)
    const chunk = this.#core.streams.number(
      record.session,
      { ...head, body },
      this.#core.clock.wall(),
    )
    this.#add(group, record, chunk)
    if (!follow) return
    follow(this.#core.clock.wall())
    group.operations.push(saveSession(this.#core, record))
  }

  #groupOf(connection: string): Group {
    let group = this.#groups.get(connection)
    if (!group) {
      group = {
        connection,
        operations: [],
        chunks: new Map(),
        acknowledge: new Map(),
        holes: new Set(),
        credit: 0,
      }
      this.#groups.set(connection, group)
    }
    return group
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
    throw new ProtocolError('FENCED', {
      session: head.session,
      epoch: head.epoch,
      current: record?.epoch ?? 0,
    })
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

  #settle({ connection, chunks, acknowledge, credit }: Group): void {
    const now = this.#core.clock.now()
    for (const [record, list] of chunks) this.#core.streams.published(record.session, list, now)
    for (const [{ session }, { epoch, sequence }] of acknowledge) {
      this.#core.send(connection, { kind: 'APPENDED', session, epoch, sequence })
    }
    this.#grant(connection, credit)
  }

  /** Not on disk: the host keeps the chunks and sends them again after a while. */
  #refuse({ connection, credit }: Group, error: Error): void {
    this.#core.complain(connection, '', ProtocolError.from(error, 'broker', 'no'))
    this.#grant(connection, credit)
  }

  #grant(connection: string, bytes: number): void {
    if (bytes === 0) return
    const left = this.creditSpent(connection) - bytes
    if (left > 0) this.#spent.set(connection, left)
    else this.#spent.delete(connection)
    this.#core.send(connection, { kind: 'CREDIT', bytes })
  }
}

/** What a chunk does to its session besides; only such chunks are decoded. Throws INVALID_MESSAGE. */
function consequence(
  record: SessionRecord,
  { turn, type }: HeadFor<'APPEND'>,
  body: Buffer,
): ((wallMs: number) => void) | undefined {
  if (turn > record.turn) {
    const reason = `/turn ${turn} was never given out`
    throw new ProtocolError('INVALID_MESSAGE', { what: 'APPEND', reason })
  }
  if (type === CHUNK_CODES.turn_complete) return (wallMs) => turnEnded(record, turn, wallMs)
  if (type !== CHUNK_CODES.complete) return undefined
  const complete = decodeBody(CHUNKS.complete, body)
  return (wallMs) => processEnded(record, complete, wallMs)
}
