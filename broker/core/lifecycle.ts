/** What happens to a session: its records in the stream, its status, its turns, the loss of its host. */
import type { ChunkBody, ChunkType } from '../../protocol/messages/chunk.ts'
import type { SessionStatus } from '../../protocol/methods/types.ts'
import type { JournalOperation, StoredChunk } from '../journal/journal.ts'
import type { Core } from './core.ts'
import type { Host } from './hosts.ts'
import { isLive, moveTo, type SessionRecord } from './sessions.ts'
import { appendOperation, newChunk } from './streams.ts'

export function saveSession(record: SessionRecord): JournalOperation {
  // A copy: the record may change again before the journal has encoded it.
  return { op: 'put', table: 'sessions', key: record.session, value: structuredClone(record) }
}

/** Collects records of the broker's own for one session, to be written together and then published. */
export class Story {
  readonly #core: Core
  readonly #record: SessionRecord
  readonly #chunks: StoredChunk[] = []

  constructor(core: Core, record: SessionRecord) {
    this.#core = core
    this.#record = record
    core.appends.flush() // chunks that were numbered before these are written before them
  }

  add<T extends ChunkType>(type: T, turn: number, body: ChunkBody<T>): StoredChunk {
    const { streams, clock } = this.#core
    const chunk = streams.number(this.#record.session, newChunk(type, turn, body), clock.wall())
    this.#chunks.push(chunk)
    return chunk
  }

  /** Moves the session and tells it in the stream. */
  move(status: SessionStatus, reason: string): void {
    moveTo(this.#record, status, reason, this.#core.clock.wall())
    this.add('status', 0, { status, ...(reason !== '' && { reason }) })
  }

  operations(): JournalOperation[] {
    const { session } = this.#record
    return [
      ...this.#chunks.map((chunk) => appendOperation(session, chunk)),
      saveSession(this.#record),
    ]
  }

  /** Call once the operations are durable. */
  publish(): void {
    this.#core.streams.published(this.#record.session, this.#chunks, this.#core.clock.now())
  }

  /** Writes and publishes; for changes that nobody waits for. */
  commit(): void {
    this.#core.batch.add(this.operations(), (error) => {
      if (!error) this.publish()
    })
  }
}

/** A turn has ended: the session is idle when it was the last one. */
export function turnEnded(record: SessionRecord, turn: number, wallMs: number): void {
  record.open = record.open.filter((open) => open.turn !== turn)
  if (record.status === 'running' && record.open.length === 0) moveTo(record, 'idle', '', wallMs)
}

/** The process has ended, as its host reports it. */
export function processEnded(
  record: SessionRecord,
  { exit_code, signal = '', reason }: ChunkBody<'complete'>,
  wallMs: number,
): void {
  const wished = record.status === 'stopping' || exit_code === 0
  record.exit_code = exit_code
  record.signal = signal
  record.pid = null
  record.open = []
  if (!isLive(record)) return
  const how = signal === '' ? `exit code ${exit_code}` : signal
  moveTo(record, wished ? 'ended' : 'failed', reason ?? how, wallMs)
}

/** The host is away: readers are told at once; its sessions may come back with it. */
export function hostLost(core: Core, host: Host, reason: string): void {
  core.ports.log('host lost', { host: host.id, reason })
  for (const record of core.sessions.onHost(host.id)) {
    if (!isLive(record) || record.status === 'lost') continue
    const story = new Story(core, record)
    story.move('lost', `host ${host.registration.name} is away: ${reason}`)
    story.commit()
  }
}

/** The host is back with this session alive. */
export function sessionFound(core: Core, record: SessionRecord, pid: number | null): void {
  const wasTold = record.status === 'lost' && record.reason !== ''
  record.pid = pid
  const status = record.open.length > 0 ? 'running' : 'idle'
  if (record.status === status || record.status === 'stopping') return
  const story = new Story(core, record)
  if (wasTold) story.move(status, 'the host is back')
  else moveTo(record, status, '', core.clock.wall())
  story.commit()
}

/** The host is back without this session: its process is gone, and nobody saw its exit code. */
export function sessionGone(core: Core, record: SessionRecord, reason: string): void {
  const story = new Story(core, record)
  for (const { turn } of record.open) {
    story.add('turn_complete', turn, { turn_number: turn, reason: 'gone' })
  }
  const body = { exit_code: null, session_id: record.session, reason }
  story.add('complete', 0, body)
  processEnded(record, body, core.clock.wall())
  story.commit()
}
