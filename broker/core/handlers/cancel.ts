/** CANCEL: the asking side no longer wants a result. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Handler } from './handler.ts'

export const cancel: Handler<'CANCEL'> = ({ core, connection, identity, head }) => {
  if (core.calls.cancel(connection, head.id)) return
  // It counts as a call, and is the one that goes unanswered when there are too many.
  if (core.quotas.take(identity, core.clock.now())) return
  // Late, or of a request that never arrived. Answered all the same; who has its end ignores this.
  core.complain(connection, head.id, new ProtocolError('CANCELLED', {}, { executed: 'unknown' }))
}
