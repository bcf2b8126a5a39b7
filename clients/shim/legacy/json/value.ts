/**
 * JSON as the old daemon kept it: whole numbers apart from those with a fraction, none rounded, so that an id
 * comes back as it was sent.
 */

/** A number that was written with a fraction or an exponent, or that no 64 bits hold. */
export class JsonFloat {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }

  /** As Rust writes it: `1.0`, `1e+300` without the plus. */
  toString(): string {
    const text = String(this.value).replace('e+', 'e')
    return /[.e]/.test(text) ? text : `${text}.0`
  }
}

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | JsonFloat
  | readonly JsonValue[]
  | JsonMap
export type JsonMap = ReadonlyMap<string, JsonValue>

export function isMap(value: JsonValue | undefined): value is JsonMap {
  return value instanceof Map
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** As JSON.parse would have given it. */
export function plain(value: JsonValue): unknown {
  if (value instanceof JsonFloat) return value.value
  if (typeof value === 'bigint') return Number(value)
  if (isList(value)) return value.map(plain)
  if (!isMap(value)) return value
  return Object.fromEntries([...value].map(([key, member]) => [key, plain(member)]))
}

/** The other way: what JSON.parse gave, or what could have come from it. */
export function fromPlain(value: unknown): JsonValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : new JsonFloat(value)
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(fromPlain)
  if (typeof value !== 'object') return null
  return new Map(Object.entries(value).map(([key, member]) => [key, fromPlain(member)]))
}

/** JSON text with the members in alphabetical order, as the old daemon wrote it. */
export function encode(value: JsonValue): string {
  if (value instanceof JsonFloat) return String(value)
  if (typeof value === 'bigint') return String(value)
  if (isList(value)) return `[${value.map(encode).join(',')}]`
  if (!isMap(value)) return JSON.stringify(value)
  const members = [...value].sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${encode(member)}`).join(',')}}`
}
