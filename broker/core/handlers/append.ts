/** APPEND: a chunk from a host (docs/protocol.md section 5). */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Handler } from './handler.ts'

export const append: Handler<'APPEND'> = ({ core, connection, identity, head, body }) => {
  const host = core.hosts.byConnection(connection)
  if (!host) {
    throw new ProtocolError('FORBIDDEN', {
      principal: identity.principal,
      scope: 'host',
      method: 'APPEND before host.register',
    })
  }
  core.appends.take(connection, host, head, body)
}
