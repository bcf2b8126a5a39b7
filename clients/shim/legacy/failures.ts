/** Errors of the broker in the words of the old daemon. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { connectionFailed, exhausted, internal, RpcError, timedOut } from './rpc-error.ts'

/** Why a program did not start, as Rust would have said it where it is the same. */
export function startFailure(error: ProtocolError): string {
  const isMissing =
    error.code === 'NO_BACKEND' ||
    (error.code === 'START_FAILED' && error.details['cause'] === 'command_missing')
  return isMissing ? 'No such file or directory (os error 2)' : error.message
}

/** Why a backend has no process, in the words for agents. */
export function spawnFailure(type: string, error: ProtocolError): string {
  return `Failed to spawn process for backend '${type}': ${startFailure(error)}`
}

/** What has no words of its own. */
export function asRpcError(thrown: unknown): RpcError {
  if (thrown instanceof RpcError) return thrown
  const error = ProtocolError.from(thrown, 'client')
  switch (error.code) {
    case 'FORBIDDEN':
      return new RpcError(-32001, `Authentication failed: ${error.message}`)
    case 'DEADLINE_EXCEEDED':
      return timedOut()
    case 'UNREACHABLE':
    case 'CONNECTION_CLOSED':
    case 'BROKER_RESTARTED':
    case 'DRAINING':
      return connectionFailed(error.message)
    case 'OVERLOADED':
    case 'AT_CAPACITY':
    case 'TOO_MANY_SESSIONS':
    case 'STORAGE_FULL':
      return exhausted(error.message)
    default:
      return internal(error.message)
  }
}

export function isCode(thrown: unknown, ...codes: readonly ProtocolError['code'][]): boolean {
  return thrown instanceof ProtocolError && codes.includes(thrown.code)
}
