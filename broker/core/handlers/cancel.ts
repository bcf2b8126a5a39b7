/** CANCEL: the asking side no longer wants a result. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Handler } from './handler.ts'

export const cancel: Handler<'CANCEL'> = ({ core, connection, head }) => {
  if (core.calls.cancel(connection, head.id)) return
  // Late, or of a request that never arrived. Answered all the same; who has its end ignores this.
  core.complain(connection, head.id, new ProtocolError('CANCELLED', {}, { executed: 'unknown' }))
}
