/** session.interrupt, stop and kill: carried out by the host of the session. */
import type { Call } from '../calls.ts'
import { controlled, onItsHost } from '../controlled.ts'
import type { Core } from '../core.ts'
import { endAway, endOnHost } from '../end.ts'
import { isBackSoon } from '../host-away.ts'
import { Story } from '../lifecycle.ts'
import { infoOf } from '../session-info.ts'
import type { SessionRecord } from '../sessions.ts'
import { visible } from '../visible.ts'

type EndCall = Call<'session.stop'> | Call<'session.kill'>

export function sessionInterrupt(core: Core, call: Call<'session.interrupt'>): void {
  const { record, host } = controlled(core, call, 'be interrupted')
  const { session, epoch } = record
  call.persist([], () => {
    core.hostCalls.request(
      host,
      { method: 'agent.interrupt', params: { session, epoch }, trace: call.trace },
      (answer) => {
        if (answer.ok) call.reply({ session, ...answer.result })
        else call.fail(answer.error)
      },
    )
  })
}

export function sessionStop(core: Core, call: Call<'session.stop'>): void {
  end(core, call, 'agent.stop', 'stopped by a request')
}

export function sessionKill(core: Core, call: Call<'session.kill'>): void {
  end(core, call, 'agent.kill', 'killed by a request')
}

function end(core: Core, call: EndCall, method: 'agent.stop' | 'agent.kill', reason: string): void {
  const wanted = visible(core, call).session(call.params.session)
  if (wanted.status === 'created') {
    endUnstarted(core, call, wanted, reason)
    return
  }
  if (wanted.status === 'lost' && !isBackSoon(core, wanted)) {
    const ending = endAway(core, wanted, reason)
    call.persist(ending.operations(), () => {
      ending.publish()
      call.reply(infoOf(core, wanted))
    })
    return
  }
  const { record, host } = onItsHost(core, wanted, 'be stopped')
  const { epoch } = record
  const story = new Story(core, record)
  if (record.status !== 'stopping') story.move('stopping', reason)
  call.persist(story.operations(), () => {
    story.publish()
    // The host answers when the process is gone and its last chunk, `complete`, is in the journal.
    const remainingMs = call.remainingMs()
    endOnHost(core, host, { record, epoch, method, remainingMs, trace: call.trace }, (error) => {
      if (error) call.fail(error)
      else call.reply(infoOf(core, record))
    })
  })
}

/** Nothing runs, so there is nobody to ask. */
function endUnstarted(core: Core, call: EndCall, record: SessionRecord, reason: string): void {
  const story = new Story(core, record)
  story.add('complete', 0, { exit_code: null, session_id: record.session, reason })
  story.move('ended', reason)
  call.persist(story.operations(), () => {
    story.publish()
    call.reply(infoOf(core, record))
  })
}
