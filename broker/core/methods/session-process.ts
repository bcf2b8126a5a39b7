/** session.signal, write and set_mode: passed on to the process by its host. */
import type { HostMethod, Params } from '../../../protocol/methods/index.ts'
import type { Call } from '../calls.ts'
import { askHost, controlled, ready } from '../controlled.ts'
import type { Core } from '../core.ts'
import { Story } from '../lifecycle.ts'
import { infoOf } from '../session-info.ts'
import type { SessionRecord } from '../sessions.ts'

type ProcessCall = Call<'session.signal'> | Call<'session.write'> | Call<'session.set_mode'>

export function sessionSignal(core: Core, call: Call<'session.signal'>): void {
  const { record } = controlled(core, call, 'get a signal')
  const { session, epoch } = record
  const { signal } = call.params
  pass(core, call, record, { method: 'agent.signal', params: { session, epoch, signal } })
}

export function sessionWrite(core: Core, call: Call<'session.write'>): void {
  const { record } = ready(core, call, 'be written to')
  const { session, epoch } = record
  const { line } = call.params
  pass(core, call, record, { method: 'agent.write', params: { session, epoch, line } })
}

export function sessionSetMode(core: Core, call: Call<'session.set_mode'>): void {
  const { record } = ready(core, call, 'change its mode')
  const { session, epoch } = record
  const { mode } = call.params
  const request = { method: 'agent.set_mode', params: { session, epoch, mode } } as const
  pass(core, call, record, request, () => keepMode(core, call, record, mode))
}

function pass<M extends HostMethod>(
  core: Core,
  call: ProcessCall,
  record: SessionRecord,
  request: { readonly method: M; readonly params: Params<M> },
  then: () => void = () => reply(core, call, record),
): void {
  call.persist([], () => {
    askHost(core, record, { ...request, trace: call.trace }, (answer) => {
      if (answer.ok) then()
      else call.fail(answer.error)
    })
  })
}

/** A recovery starts the CLI in the mode that it had last. */
function keepMode(core: Core, call: ProcessCall, record: SessionRecord, mode: string): void {
  if (core.sessions.get(record.session) !== record) {
    reply(core, call, record) // removed meanwhile: there is nothing to keep it in
    return
  }
  record.start = { ...record.start, permission_mode: mode }
  const story = new Story(core, record)
  story.add('status', 0, { status: record.status, reason: `mode ${mode}` })
  core.batch.add(story.operations(), (error) => {
    if (error) {
      // The CLI has changed: the caller hears of it once that can be written.
      core.redo.add(record.session, 'mode', () => keepMode(core, call, record, mode))
      return
    }
    story.publish()
    reply(core, call, record)
  })
}

function reply(core: Core, call: ProcessCall, record: SessionRecord): void {
  call.reply(infoOf(core, record))
}
