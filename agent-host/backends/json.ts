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

/** The object that a line holds; undefined when it is not JSON, or JSON of another kind. */
export function parseRecord(line: string): JsonRecord | undefined {
  try {
    return asRecord(JSON.parse(line))
  } catch {
    return undefined
  }
}

/** Whether a value nests at most this deep. Encoders recurse: a deeper one would end the host. */
export function nestsWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((item) => nestsWithin(item, levels - 1))
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
