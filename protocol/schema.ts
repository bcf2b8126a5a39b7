/** Compiles schemas on first use and turns their errors into one readable sentence. */

import { type ErrorCode, type ErrorDetails, ProtocolError } from './errors.ts'
import type { Static, TSchema } from './typebox.ts'
import { Compile } from './typebox.ts'

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

/**
 * Values of which a mismatch is looked for. Saying what is wrong looks at each value, by an interpreter: at
 * the hundred thousands that a body may have, for a quarter of a second.
 */
const EXPLAINED_VALUES = 2000
const UNEXPLAINED = 'does not fit its schema'

/** First mismatch as "/path must be …", or undefined when the value fits. */
export function mismatch(schema: TSchema, value: unknown): string | undefined {
  const check = compiledFor(schema)
  if (check.Check(value)) return undefined
  const excerpt = new Excerpt(EXPLAINED_VALUES)
  const part = excerpt.of(value)
  if (excerpt.isOver) return UNEXPLAINED
  const [, errors] = check.Errors(part)
  const first = errors[0]
  if (!first) return UNEXPLAINED
  return `${first.instancePath || '/'} ${describe(first)}`
}

/** A value with its arrays cut where it becomes too much. Maps are not cut: what they lack is told. */
class Excerpt {
  /** A map had more than was left. */
  isOver = false
  #left: number

  constructor(values: number) {
    this.#left = values
  }

  of(value: unknown): unknown {
    this.#left -= 1
    if (Array.isArray(value)) return this.#list(value)
    return isMap(value) ? this.#map(value) : value
  }

  #list(items: readonly unknown[]): unknown[] {
    const taken: unknown[] = []
    for (const item of items) {
      if (this.#left <= 0) break
      taken.push(this.of(item))
    }
    return taken
  }

  #map(map: Readonly<Record<string, unknown>>): unknown {
    const keys = Object.keys(map)
    if (keys.length > this.#left) {
      this.isOver = true
      return {}
    }
    return Object.fromEntries(keys.map((key) => [key, this.of(map[key])]))
  }
}

/** What JSON or MessagePack calls a map; of other objects nothing is cut. */
function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  return Object.getPrototypeOf(value) === Object.prototype
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
