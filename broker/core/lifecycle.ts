/** What happens to a session: its records in the stream, its status, its turns, the loss of its host. */
import type { ProtocolError } from '../../protocol/errors.ts'
import type { ChunkBody, ChunkType } from '../../protocol/messages/chunk.ts'
import type { LiveSession } from '../../protocol/methods/host.ts'
import type { SessionStatus } from '../../protocol/methods/types.ts'
import type { StoredChunk } from '../journal/journal.ts'
import {
  type ApprovalRecord,
  isOpen,
  type Standing,
  saveApproval,
  settlement,
} from './approval-record.ts'
import type { Core } from './core.ts'
import type { Operation } from './events.ts'
import type { Host } from './hosts.ts'
import {
  type SessionEventData,
  type SessionEventName,
  sessionEvent,
  statusEvent,
} from './session-events.ts'
import { isLive, moveTo, runsAs, type SessionRecord } from './sessions.ts'
import { appendOperation, newChunk } from './streams.ts'

/** The record, and the event that tells its status when that is news. */
export function saveSession(core: Core, record: SessionRecord): Operation[] {
  const { session } = record
  const told = statusEvent(record)
  // A copy: the record may change again before the journal has encoded it.
  const value = { ...structuredClone(record), kept: core.retention.sizeOf(session) }
  return [{ op: 'put', table: 'sessions', key: session, value }, ...told]
}

type Settled = (error: Error | undefined) => void
type Settling = Extract<Standing, { kind: 'answered' | 'withdrawn' }>

/** Collects records of the broker's own for one session, to be written together and then published. */
export class Story {
  readonly #core: Core
  readonly #record: SessionRecord
  readonly #epoch: number
  readonly #chunks: StoredChunk[] = []
  readonly #approvals: ApprovalRecord[] = []
  readonly #events: Operation[] = []

  constructor(core: Core, record: SessionRecord) {
    this.#core = core
    this.#record = record
    this.#epoch = record.epoch
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

  /** Pauses the session or ends its pause, and tells it in the stream. */
  pause(paused: SessionRecord['paused'], reason: string): void {
    this.#record.paused = paused
    this.event(paused === '' ? 'resumed' : 'paused', { paused, reason })
    this.add('status', 0, { status: this.#record.status, reason, paused })
  }

  /** Tells the status that the session has already, with its reason. */
  repeat(reason: string): void {
    const { status } = this.#record
    this.#record.reason = reason
    this.add('status', 0, { status, reason })
  }

  /** Tells it in `@events`, where a change of the status is told by itself. */
  event(name: SessionEventName, data: SessionEventData): void {
    this.#events.push(sessionEvent(this.#record.session, name, data))
  }

  /** Settles a question and tells it. */
  settle(record: ApprovalRecord, standing: Settling): ApprovalRecord {
    const next = this.#core.approvals.move(record, standing)
    this.#approvals.push(next)
    const { approval, turn } = record
    this.add('approval_settled', turn, { approval, ...settlement(standing) })
    return next
  }

  /** The process is gone, and nobody waits for an answer any more. */
  withdrawAll(reason: string): void {
    const { approvals, clock } = this.#core
    for (const record of approvals.of(this.#record.session).filter(isOpen)) {
      this.settle(record, { kind: 'withdrawn', reason, at: clock.wall() })
    }
  }

  operations(): Operation[] {
    const { session } = this.#record
    return [
      ...this.#chunks.map((chunk) => appendOperation(session, chunk)),
      ...this.#approvals.map(saveApproval),
      ...this.#events,
      ...saveSession(this.#core, this.#record),
    ]
  }

  /** Call once the operations are durable. */
  publish(): void {
    this.#core.streams.published(this.#record.session, this.#chunks, this.#core.clock.now())
    this.#core.approvalWatch.written(this.#approvals)
  }

  /**
   * Writes and publishes; for changes that nobody waits for, so they are made again when that fails.
   * `then` runs in either case.
   */
  commit(deed: string, again: () => void, then: Settled = () => {}): void {
    this.#core.batch.add(this.operations(), (error) => {
      if (!error) this.publish()
      else if (this.#stillIs()) this.#core.redo.add(this.#record.session, deed, again)
      then(error)
    })
  }

  /** Memory has fallen back to the disk: to a time at which this life of the session had begun? */
  #stillIs(): boolean {
    const { session, epoch } = this.#record
    return this.#core.sessions.get(session) === this.#record && epoch === this.#epoch
  }
}

/** What a host says of an end goes to lists and events; all of it is in the stream. Characters. */
const MAX_REASON = 4096
const MAX_SIGNAL = 32

/** Why questions are withdrawn; an answer that was on its way may have been heard or not. */
export const PROCESS_ENDED = 'the process ended'

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
  record.signal = signal.slice(0, MAX_SIGNAL)
  record.pid = null
  record.paused = ''
  record.open = []
  if (!isLive(record)) return
  const how = signal === '' ? `exit code ${exit_code}` : record.signal
  moveTo(record, wished ? 'ended' : 'failed', (reason ?? how).slice(0, MAX_REASON), wallMs)
}

/** The host is away: readers are told at once; its sessions may come back with it. */
export function hostLost(core: Core, host: Host, reason: string): void {
  core.ports.log('host lost', { host: host.id, reason })
  core.tell({
    topic: 'host',
    event: 'offline',
    id: host.id,
    data: { name: host.registration.name, reason },
  })
  for (const record of core.sessions.onHost(host.id)) sessionLost(core, record, reason)
}

function sessionLost(core: Core, record: SessionRecord, reason: string): void {
  const host = core.hosts.get(record.host)
  const wasTold = record.status === 'lost' && record.reason !== ''
  if (!isLive(record) || wasTold || host?.connection !== undefined) return
  const story = new Story(core, record)
  const told = `host ${host?.registration.name ?? record.host} is away: ${reason}`
  if (record.status === 'lost') story.repeat(told)
  else story.move('lost', told)
  story.commit('lost', () => sessionLost(core, record, reason))
}

/** After a restart, readers are told of sessions whose host has not come back with the broker. */
export function tellUnreported(core: Core): void {
  for (const record of core.sessions.all()) {
    if (record.status === 'lost') sessionLost(core, record, 'it has not come back since a restart')
  }
}

/** The host is back with this session alive. `again` is called if that could not be written. */
export function sessionFound(
  core: Core,
  record: SessionRecord,
  pid: number | null,
  again: () => void,
): void {
  const wasTold = record.status === 'lost' && record.reason !== ''
  runsAs(record, pid)
  const status = record.open.length > 0 ? 'running' : 'idle'
  if (record.status === status || record.status === 'stopping') return
  const story = new Story(core, record)
  if (wasTold) story.move(status, 'the host is back')
  else moveTo(record, status, '', core.clock.wall())
  story.commit('found', again)
}

function isOf({ session, epoch }: SessionRecord, reported: LiveSession): boolean {
  return reported.session === session && reported.epoch === epoch
}

/** Whether this life of the session goes on, on a host that is here. */
export function isLeased(core: Core, record: SessionRecord, epoch: number): boolean {
  const isHere = core.hosts.get(record.host)?.connection !== undefined
  return isHere && isLive(record) && record.epoch === epoch
}

/** The host is back without this session: its process is gone, and nobody saw its exit code. */
export function sessionGone(core: Core, record: SessionRecord, reason: string): void {
  const { epoch } = record
  const registration = core.hosts.get(record.host)?.registration
  goneStory(core, record, reason).commit('gone', () => {
    const now = core.hosts.get(record.host)?.registration
    const wasSeen = now !== registration && now?.sessions.some((one) => isOf(record, one))
    if (!wasSeen && isLeased(core, record, epoch)) sessionGone(core, record, reason)
  })
}

/** The end of a process that nobody saw end, for readers and in the record. */
export function goneStory(core: Core, record: SessionRecord, reason: string): Story {
  const story = new Story(core, record)
  story.withdrawAll(PROCESS_ENDED)
  for (const { turn } of record.open) {
    story.add('turn_complete', turn, { turn_number: turn, reason: 'gone' })
  }
  const body = { exit_code: null, session_id: record.session, reason }
  story.add('complete', 0, body)
  processEnded(record, body, core.clock.wall())
  return story
}

/**
 * The host said that it will not run this turn, so the turn ends here. `again` is called when that could not
 * be written: until then the turn stands in the journal, and may be given to the host once more.
 */
export function turnDropped(
  core: Core,
  record: SessionRecord,
  { turn, error, again }: { turn: number; error: ProtocolError; again: () => void },
  then: Settled = () => {},
): void {
  if (!record.open.some((open) => open.turn === turn)) {
    then(undefined)
    return
  }
  const story = new Story(core, record)
  story.add('error', turn, { message: error.message })
  story.add('turn_complete', turn, { turn_number: turn, reason: 'gone' })
  turnEnded(record, turn, core.clock.wall())
  story.commit(`turn ${turn} dropped`, again, then)
}
