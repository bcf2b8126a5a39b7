/** A refusal of what stands in the journal, so that nobody may be told that it was not done. */
import { ProtocolError } from '../../protocol/errors.ts'

export function doubtful({ code, details, message, where }: ProtocolError): ProtocolError {
  return new ProtocolError(code, details, { message, where, executed: 'unknown' })
}
