/** Starts the process of a session on its host, for session.create and session.recover. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Result } from '../../protocol/methods/index.ts'
import type { Call } from './calls.ts'
import type { Core } from './core.ts'
import { Story } from './lifecycle.ts'
import { isLive, type SessionRecord, sessionInfo } from './sessions.ts'

type StartCall = Call<'session.create'> | Call<'session.recover'>

export function startOnHost(
  core: Core,
  call: StartCall,
  record: SessionRecord,
  { resume }: { readonly resume: boolean },
): void {
  const host = core.hosts.get(record.host)
  if (!host) {
    startFailed(core, call, record, new ProtocolError('HOST_LOST', { host: record.host }))
    return
  }
  const { session, epoch, start, native_session_id, turn } = record
  const cancel = core.hostCalls.request(
    host,
    {
      method: 'agent.start',
      params: { ...start, session, epoch, native_session_id, turn, resume },
      remainingMs: call.remainingMs(),
      trace: call.trace,
    },
    (answer) => {
      if (answer.ok) started(core, call, record, answer.result)
      else startFailed(core, call, record, answer.error)
    },
  )
  call.onCancel(cancel)
}

function started(
  core: Core,
  call: StartCall,
  record: SessionRecord,
  result: Result<'agent.start'>,
): void {
  if (record.status !== 'starting') {
    // Its host was lost, or its process ended, while the answer was on its way.
    call.reply(sessionInfo(record, core.streams.of(record.session).durable))
    return
  }
  record.pid = result.pid
  record.cwd = result.cwd
  record.native_session_id = result.native_session_id
  const story = new Story(core, record)
  story.move('idle', '')
  core.batch.add(story.operations(), (error) => {
    if (error) {
      call.fail(ProtocolError.from(error, 'broker', 'yes'))
      return
    }
    story.publish()
    call.reply(sessionInfo(record, core.streams.of(record.session).durable))
  })
}

/** Failed on a host that is lost: the session stays `lost`, since its process may be running. */
function startFailed(
  core: Core,
  call: StartCall,
  record: SessionRecord,
  error: ProtocolError,
): void {
  if (error.code !== 'HOST_LOST' && isLive(record)) {
    const story = new Story(core, record)
    story.add('error', 0, { message: error.message, kind: 'config' })
    story.add('complete', 0, { exit_code: null, session_id: record.session, reason: error.message })
    story.move('failed', error.message)
    story.commit()
  }
  call.fail(error)
}
