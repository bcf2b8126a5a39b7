/** JSON on the command line. */
import { UsageError } from './usage-error.ts'

/** Throws UsageError; `hint` says what else may have been meant. */
export function jsonArgument(what: string, text: string, hint = ''): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`${what} ${text} is not JSON${hint}`)
  }
}

/** Throws UsageError. */
export function jsonObject(what: string, text: string): Record<string, unknown> {
  const value = jsonArgument(what, text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw new UsageError(`${what} ${text} is not a JSON object`)
}
