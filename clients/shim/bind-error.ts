/** What a socket says when it cannot be bound, as one of our errors. */
import { ProtocolError } from '../../protocol/errors.ts'

/** `what` names the address. */
export function bindError(what: string, cause: unknown): ProtocolError {
  if (cause instanceof ProtocolError) return cause
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') {
    return new ProtocolError('IN_USE', { what, owner: 'another process' }, { cause })
  }
  return new ProtocolError('BAD_CONFIG', { source: what, reason: message }, { cause })
}
