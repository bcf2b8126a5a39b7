/** Reads fields of JSON that nobody has checked. A field of another kind than asked for is undefined. */

export type JsonRecord = Readonly<Record<string, unknown>>

export function asRecord(value: unknown): JsonRecord | undefined {
  return isRecord(value) ? value : undefined
}

export function recordAt(of: JsonRecord, name: string): JsonRecord | undefined {
  return asRecord(of[name])
}

export function stringAt(of: JsonRecord, name: string): string | undefined {
  const value = of[name]
  return typeof value === 'string' ? value : undefined
}

export function numberAt(of: JsonRecord, name: string): number | undefined {
  const value = of[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** A count; 0 when the field is none. */
export function countAt(of: JsonRecord, name: string): number {
  const value = of[name]
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}

/** The items that are objects; nothing when the field is no list. */
export function recordsAt(of: JsonRecord, name: string): readonly JsonRecord[] {
  const value = of[name]
  return Array.isArray(value) ? value.filter(isRecord) : []
}

/** The items that are strings; nothing when the field is no list. */
export function stringsAt(of: JsonRecord, name: string): readonly string[] {
  const value = of[name]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** The entry of a table; a key of somebody else's choice finds nothing that is not in it. */
export function entryOf<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

/** The object that a line holds; undefined when it is not JSON, or JSON of another kind. */
export function parseRecord(line: string): JsonRecord | undefined {
  try {
    return asRecord(JSON.parse(line))
  } catch {
    return undefined
  }
}

/** Deepest tool input that is passed on, in levels. */
export const INPUT_LEVELS = 100

/** The input of a tool, as it can be sent on. */
export function toolInput(value: unknown): unknown {
  return nestsWithin(value, INPUT_LEVELS) ? value : '(nested too deeply)'
}

/** Whether a value nests at most this deep. Encoders recurse: a deeper one would end the host. */
export function nestsWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((item) => nestsWithin(item, levels - 1))
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
