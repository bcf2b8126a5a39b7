/**
 * Values of a request on the command line of a CLI. A value that looks like an option would be one for
 * many a parser, so it is refused; what people write to a model never comes here, since every user of
 * the machine can read command lines.
 */
import { ProtocolError } from '../../protocol/errors.ts'

/** Ids name files in CLIs, and may be optional behind their option: nothing but these characters. */
const PLAIN_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/

/** An option and its value; nothing without a value. Throws INVALID_PARAMS. */
export function option(name: string, field: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, plain(field, value)]
}

/** An option that takes all that follows up to the next one; nothing without values. Throws INVALID_PARAMS. */
export function options(name: string, field: string, values: readonly string[]): string[] {
  return values.length === 0 ? [] : [name, ...values.map((value) => plain(field, value))]
}

/** The id of a conversation, as an argument. Throws INVALID_PARAMS. */
export function plainId(id: string): string {
  if (PLAIN_ID.test(id)) return id
  throw invalid('/native_session_id is no id that can stand on a command line')
}

function plain(field: string, value: string): string {
  if (!value.startsWith('-') && !value.includes('\0')) return value
  throw invalid(`/${field}: ${value.slice(0, 64)} looks like an option of the CLI`)
}

function invalid(reason: string): ProtocolError {
  const details = { method: 'session.create', reason }
  return new ProtocolError('INVALID_PARAMS', details, { where: 'host' })
}
