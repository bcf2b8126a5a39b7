/** Why a command did not do what it should, in the words that its sender gets. */
import { ProtocolError } from '../../../protocol/errors.ts'

export class CommandFailed extends Error {}

/** The text of a failed command, with the prefix of the old server. */
export function failureText(thrown: unknown, agent: string): string {
  if (thrown instanceof CommandFailed) return `Agent execution error: ${thrown.message}`
  const error = ProtocolError.from(thrown, 'client')
  if (error.code === 'NO_SUCH_SESSION') return `Agent not found: ${agent}`
  return `Agent execution error: ${error.message}`
}
