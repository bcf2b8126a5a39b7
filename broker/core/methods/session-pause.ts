/** session.pause and session.resume: journalled, then carried out by the host, also by one that comes back. */
import type { ProtocolError } from '../../../protocol/errors.ts'
import type { PauseMode } from '../../../protocol/methods/types.ts'
import type { Call } from '../calls.ts'
import { askHost, ready } from '../controlled.ts'
import type { Core } from '../core.ts'
import { doubtful } from '../doubtful.ts'
import { isLeased, Story } from '../lifecycle.ts'
import { infoOf } from '../session-info.ts'
import type { SessionRecord } from '../sessions.ts'

type PauseCall = Call<'session.pause'> | Call<'session.resume'>

export function sessionPause(core: Core, call: Call<'session.pause'>): void {
  const { mode = 'hold' } = call.params
  change(core, call, ready(core, call, 'be paused').record, mode)
}

export function sessionResume(core: Core, call: Call<'session.resume'>): void {
  change(core, call, ready(core, call, 'be resumed').record, '')
}

function change(core: Core, call: PauseCall, record: SessionRecord, paused: PauseMode | ''): void {
  const before = record.paused
  if (paused === before) {
    // Nothing to write, but what was written may not be on disk yet.
    call.persist([], () => reply(core, call, record))
    return
  }
  const { epoch } = record
  const story = new Story(core, record)
  const { principal } = call.identity
  story.pause(paused, paused === '' ? `resumed by ${principal}` : `paused by ${principal}`)
  call.persist(story.operations(), () => {
    story.publish()
    tellHost(core, record, call.trace, (error) => {
      if (!error) reply(core, call, record)
      else {
        const isNews = record.paused === paused && record.epoch === epoch
        if (isNews && isRefusal(error)) undo(core, record, before, error)
        call.fail(isRefusal(error) ? error : doubtful(error))
      }
    })
  })
}

/** Makes the host do what the record says; a host that comes back is told again. */
export function tellHost(
  core: Core,
  record: SessionRecord,
  trace: string,
  done: (error: ProtocolError | undefined) => void,
): void {
  const { session, epoch, paused } = record
  const settle = (answer: { readonly ok: boolean; readonly error?: ProtocolError }) =>
    done(answer.error)
  if (paused === '') {
    askHost(core, record, { method: 'agent.resume', params: { session, epoch }, trace }, settle)
  } else {
    const params = { session, epoch, mode: paused }
    askHost(core, record, { method: 'agent.pause', params, trace }, settle)
  }
}

/** A host that is away does it when it is back. */
function isRefusal({ code, executed }: ProtocolError): boolean {
  return executed === 'no' && code !== 'HOST_LOST'
}

function undo(
  core: Core,
  record: SessionRecord,
  before: PauseMode | '',
  error: ProtocolError,
): void {
  const { epoch, paused } = record
  if (!isLeased(core, record, epoch)) return
  const story = new Story(core, record)
  story.pause(before, error.message)
  story.commit('pause undone', () => {
    if (record.epoch === epoch && record.paused === paused) undo(core, record, before, error)
  })
}

function reply(core: Core, call: PauseCall, record: SessionRecord): void {
  call.reply(infoOf(core, record))
}
