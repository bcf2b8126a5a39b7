/** session.remove and session.rename: what becomes of the record of a session. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { endAway } from '../end.ts'
import { saveSession } from '../lifecycle.ts'
import { removeSession } from '../removal.ts'
import { sessionEvent } from '../session-events.ts'
import { infoOf } from '../session-info.ts'
import { hasEnded, isLive, type SessionRecord } from '../sessions.ts'
import { visible } from '../visible.ts'

export function sessionRemove(core: Core, call: Call<'session.remove'>): void {
  const { session: reference, force = false } = call.params
  const record = visible(core, call).session(reference)
  requireRemovable(record, force)
  const remove = (): void => {
    requireRemovable(visible(core, call).session(record.session), force) // it may have been recovered
    const { session, name } = record
    removeSession(core, record, (error) => {
      if (error) call.fail(ProtocolError.from(error, 'broker', 'no'))
      else call.reply({ session, name })
    })
  }
  // A full journal has no room for the key, and this is what makes room: then it goes without.
  if (isFull(core.batch.failure)) {
    remove()
    return
  }
  // Its readers, and those who wait for its questions, hear of its end first.
  const ending = isLive(record) ? endAway(core, record, 'removed') : undefined
  call.persist(ending?.operations() ?? [], () => {
    ending?.publish()
    endingWith(call, remove)
  })
}

/** What the record has become meanwhile is the caller's answer, and no defect. */
function endingWith(call: Call<'session.remove'>, remove: () => void): void {
  try {
    remove()
  } catch (thrown) {
    call.fail(ProtocolError.from(thrown, 'broker', 'no'))
  }
}

function isFull(error: Error | undefined): boolean {
  return error instanceof ProtocolError && error.code === 'STORAGE_FULL'
}

function requireRemovable(record: SessionRecord, force: boolean): void {
  const { session, status } = record
  if (!isLive(record) || (status === 'lost' && force)) return // a created one has nothing to stop
  const action =
    status === 'lost'
      ? 'be removed without force, since its host may come back with it'
      : 'be removed before it is stopped'
  throw new ProtocolError('WRONG_STATE', { session, status, action })
}

export function sessionRename(core: Core, call: Call<'session.rename'>): void {
  const { session: reference, name } = call.params
  const record = visible(core, call).session(reference)
  if (!hasEnded(record)) core.sessions.claimName(name, record.owner, record)
  const renamed = sessionEvent(record.session, 'renamed', { name, previous: record.name })
  record.name = name
  const reply = (): void => call.reply(infoOf(core, record))
  call.persist([renamed, ...saveSession(core, record)], reply, infoOf(core, record))
}
