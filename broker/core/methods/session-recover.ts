/** session.recover: a new process goes on with the conversation, under a new lease epoch. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { hostAway } from '../host-away.ts'
import { Story } from '../lifecycle.ts'
import { isLive } from '../sessions.ts'
import { startOnHost } from '../start.ts'

export function sessionRecover(core: Core, call: Call<'session.recover'>): void {
  const record = core.sessions.resolve(call.params.session)
  if (isLive(record)) {
    throw new ProtocolError('WRONG_STATE', {
      session: record.session,
      status: record.status,
      action: 'recover it',
    })
  }
  // The conversation is kept by the CLI on the machine where it ran, so the host stays the same.
  if (core.hosts.get(record.host)?.connection === undefined) throw hostAway(core, record)
  core.hosts.place({ backend: record.start.backend, host: record.host }, (id) =>
    core.sessions.used(id),
  )
  if (record.name !== '') core.sessions.claimName(record.name)
  record.epoch += 1
  const { epoch } = record
  record.exit_code = null
  record.signal = ''
  core.streams.startEpoch(record.session)
  const story = new Story(core, record)
  story.move('starting', 'recovering')
  call.persist(story.operations(), () => {
    story.publish()
    // Without a turn the CLI has no conversation to go on with.
    startOnHost({ core, call, record, epoch, resume: record.turn > 0 })
  })
}
