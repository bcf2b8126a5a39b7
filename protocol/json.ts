/** Values that callers keep with us as they are: what JSON can hold, and how a patch changes them (RFC 7386). */
import { Type } from './typebox.ts'

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }
export type JsonObject = { readonly [key: string]: JsonValue }

/** Most bytes of metadata, as JSON in UTF-8: a page of notes and ids, not a document. */
export const MAX_METADATA_BYTES = 16 * 1024

/** Deepest nesting of what is kept: lists of it, in a reply, have to stay below the depth that the wire takes. */
export const MAX_JSON_DEPTH = 24

export const metadataSchema = (description: string) =>
  Type.Record(Type.String(), Type.Unknown(), { description })

/** What of a value JSON cannot hold, as a path and the reason; undefined when it can hold all of it. */
export function jsonProblem(value: unknown, path = '', depth = 0): string | undefined {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return undefined
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : `${path}: ${value} is no JSON number`
  }
  if (depth === MAX_JSON_DEPTH) return `${path}: it is nested deeper than ${MAX_JSON_DEPTH}`
  if (Array.isArray(value)) return firstProblem(value.entries(), path, depth)
  if (isPlain(value)) return firstProblem(Object.entries(value), path, depth)
  return `${path}: it is no JSON value`
}

function firstProblem(
  entries: Iterable<readonly [string | number, unknown]>,
  path: string,
  depth: number,
): string | undefined {
  for (const [key, value] of entries) {
    const problem = jsonProblem(value, `${path}/${key}`, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Bytes of a value as JSON in UTF-8. */
export function jsonBytes(value: JsonValue): number {
  return new TextEncoder().encode(JSON.stringify(value)).length
}

/** Objects are merged, null takes a key away, and anything else replaces what was there. */
export function mergePatch(target: JsonValue, patch: JsonValue): JsonValue {
  if (!isPlain(patch)) return patch
  const merged = new Map(Object.entries(isPlain(target) ? target : {}))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, mergePatch(merged.get(key) ?? null, value))
  }
  return Object.fromEntries(merged)
}

function isPlain<T>(value: T): value is Extract<T, object> & JsonObject {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
