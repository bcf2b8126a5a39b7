/** Compiles schemas on first use and turns their errors into one readable sentence. */
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/schema'
import { type ErrorCode, type ErrorDetails, ProtocolError } from './errors.ts'

type Compiled = ReturnType<typeof Compile>

const compiled = new WeakMap<TSchema, Compiled>()

function compiledFor(schema: TSchema): Compiled {
  let found = compiled.get(schema)
  if (!found) {
    found = Compile(schema)
    compiled.set(schema, found)
  }
  return found
}

export function matches<S extends TSchema>(schema: S, value: unknown): value is Static<S> {
  return compiledFor(schema).Check(value)
}

/** First mismatch as "/path must be …", or undefined when the value fits. */
export function mismatch(schema: TSchema, value: unknown): string | undefined {
  const check = compiledFor(schema)
  if (check.Check(value)) return undefined
  const [, errors] = check.Errors(value)
  const first = errors[0]
  if (!first) return 'does not fit its schema'
  return `${first.instancePath || '/'} ${describe(first)}`
}

function describe(error: { keyword: string; message: string; params: object }): string {
  if (error.keyword === 'required' && 'requiredProperties' in error.params) {
    return `must have ${String(error.params.requiredProperties)}`
  }
  if (error.keyword === 'boolean') return 'is not allowed here' // additionalProperties: false
  return error.message
}

/** Returns the value, or throws `code` with `{...details, reason}`. */
export function checked<S extends TSchema>(
  schema: S,
  value: unknown,
  code: ErrorCode,
  details: ErrorDetails,
): Static<S> {
  if (matches(schema, value)) return value
  throw new ProtocolError(code, {
    ...details,
    reason: mismatch(schema, value) ?? 'does not fit its schema',
  })
}
