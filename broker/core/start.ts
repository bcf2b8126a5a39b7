/** Starts the process of a session on its host, for a new session or a recovery. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Result } from '../../protocol/methods/index.ts'
import type { Call } from './calls.ts'
import type { Core } from './core.ts'
import { PROCESS_ENDED, Story } from './lifecycle.ts'
import { infoOf } from './session-info.ts'
import { isLive, runsAs, type SessionRecord } from './sessions.ts'

/** Who waits for the start. */
export type Starter = Pick<
  Call<'session.recover'>,
  'trace' | 'remainingMs' | 'isCancelled' | 'onCancel' | 'reply' | 'fail'
>

/** One life of a session that is being started, and the call that asked for it. */
export interface Start {
  readonly core: Core
  readonly call: Starter
  readonly record: SessionRecord
  /** Taken when the start was asked for: an answer that comes after this epoch is about nothing. */
  readonly epoch: number
  readonly resume: boolean
}

export function startOnHost(start: Start): void {
  const { core, call, record, epoch, resume } = start
  const host = core.hosts.get(record.host)
  const obstacle = obstacleTo(start)
  if (!host || obstacle) {
    startFailed(start, obstacle ?? new ProtocolError('HOST_LOST', { host: record.host }))
    return
  }
  const { session, native_session_id, turn } = record
  const cancel = core.hostCalls.request(
    host,
    {
      method: 'agent.start',
      params: { ...record.start, session, epoch, native_session_id, turn, resume },
      remainingMs: call.remainingMs(),
      trace: call.trace,
    },
    (answer) => {
      if (answer.ok) started(start, answer.result)
      else startFailed(start, answer.error)
    },
  )
  call.onCancel(cancel)
}

/** What happened while the start was on its way to the disk. */
function obstacleTo({ call, record, epoch }: Start): ProtocolError | undefined {
  if (call.isCancelled()) return new ProtocolError('CANCELLED')
  const { session, status, reason } = record
  if (record.epoch === epoch && status === 'starting') return undefined
  if (status === 'stopping') return new ProtocolError('CANCELLED')
  if (status === 'lost') return new ProtocolError('HOST_LOST', { host: record.host })
  return new ProtocolError('AGENT_GONE', { session, how: reason })
}

/** False when its host was lost or its process ended while the answer was on its way. */
function isStarting({ record, epoch }: Start): boolean {
  return record.epoch === epoch && record.status === 'starting'
}

function reply({ core, call, record }: Start): void {
  call.reply(infoOf(core, record))
}

function started(start: Start, result: Result<'agent.start'>): void {
  const { core, record } = start
  if (!isStarting(start)) {
    // What it has moved on to may not be on disk yet, and fall back to starting.
    core.batch.add([], () => (isStarting(start) ? started(start, result) : reply(start)))
    return
  }
  runsAs(record, result.pid)
  record.cwd = result.cwd
  record.native_session_id = result.native_session_id
  const story = new Story(core, record)
  story.move('idle', '')
  story.event('started', { pid: result.pid, host: record.host, epoch: record.epoch })
  core.batch.add(story.operations(), (error) => {
    if (error) {
      // The process runs: the caller hears of it once that can be written.
      core.redo.add(record.session, `started ${start.epoch}`, () => started(start, result))
      return
    }
    story.publish()
    reply(start)
  })
}

/**
 * Nothing runs, unless the host was lost in the middle: then it may, and the session stays `lost` until
 * the host is back and says. Any other doubt is ended on the host.
 */
function startFailed(start: Start, error: ProtocolError): void {
  const { call, record, epoch } = start
  const isDoubtful = error.executed !== 'no'
  if (record.epoch === epoch && isLive(record) && !(isDoubtful && error.code === 'HOST_LOST')) {
    if (isDoubtful) killStray(start)
    tellFailure(start, error)
  }
  call.fail(error)
}

function killStray({ core, record, epoch }: Start): void {
  const host = core.hosts.get(record.host)
  const { session } = record
  if (host)
    core.hostCalls.request(host, { method: 'agent.kill', params: { session, epoch } }, () => {})
}

function tellFailure(start: Start, error: ProtocolError): void {
  const { core, record, epoch } = start
  if (record.epoch !== epoch || !isLive(record)) return
  const story = new Story(core, record)
  const wished = record.status === 'stopping'
  story.withdrawAll(PROCESS_ENDED)
  if (!wished) story.add('error', 0, { message: error.message, kind: 'config' })
  story.add('complete', 0, { exit_code: null, session_id: record.session, reason: error.message })
  story.move(wished ? 'ended' : 'failed', error.message)
  story.commit('start failed', () => tellFailure(start, error))
}
