/** The types of the fields of the agent protocol: how each is read, and what is written for it. */
import { Extension, Float, kindOf, Malformed, type Wire, WireMap } from './wire-values.ts'

/** JSON as the protocol carries it; an integer beyond 2^53 is a bigint. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

export interface WireType<T> {
  /** For people: what the value looks like. */
  readonly title: string
  /** May be absent in the map form. */
  readonly isOptional: boolean
  /** Those of a record. */
  readonly fields?:
    | readonly { readonly name: string; readonly type: WireType<unknown> }[]
    | undefined
  /** Throws Malformed, with `path` in its text. */
  read(value: Wire, path: string): T
  /** What the MessagePack encoder is given. */
  write(value: T): unknown
}

function wireType<T>(
  title: string,
  read: (value: Wire, path: string) => T,
  write: (value: T) => unknown = (value) => value,
): WireType<T> {
  return { title, isOptional: false, read, write }
}

function wrong(path: string, wanted: string, value: Wire): never {
  throw new Malformed(`${path}: expected ${wanted}, got ${kindOf(value)}`)
}

function readText(value: Wire, path: string): string {
  return typeof value === 'string' ? value : wrong(path, 'a string', value)
}

export const text = wireType('str', readText)

export const flag = wireType('bool', (value, path) =>
  typeof value === 'boolean' ? value : wrong(path, 'a boolean', value),
)

/** An unsigned integer of 64 bits; a float is none, and beyond 2^53 it is not exact. */
export const uint = wireType('uint', readUint, writeNumber)

function readUint(value: Wire, path: string): number {
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    return wrong(path, 'an integer', value)
  }
  if (value < 0) throw new Malformed(`${path}: ${value} is below zero`)
  return Number(value)
}

export function word<const W extends string>(words: readonly W[]): WireType<W> {
  return wireType(words.join(' / '), (value, path) => {
    const known = words.find((each) => each === value)
    if (known !== undefined) return known
    if (typeof value !== 'string') return wrong(path, 'a string', value)
    throw new Malformed(
      `${path}: unknown word ${quote(value)}, expected one of ${words.join(', ')}`,
    )
  })
}

export const NIL_UUID = '00000000-0000-0000-0000-000000000000'
const HYPHENATED = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const SIMPLE = /^[0-9a-f]{32}$/

/** As lower-case text with hyphens; 16 bytes or any usual spelling on the way in, 16 bytes out. */
export const uuid = wireType<string>('uuid (bin 16)', readUuid, (value) =>
  Buffer.from(value.replaceAll('-', ''), 'hex'),
)

function readUuid(value: Wire, path: string): string {
  if (value instanceof Uint8Array) {
    if (value.length === 16) return hyphenate(Buffer.from(value).toString('hex'))
    throw new Malformed(`${path}: a UUID has 16 bytes, not ${value.length}`)
  }
  if (typeof value !== 'string') return wrong(path, 'a UUID', value)
  const plain = value
    .toLowerCase()
    .replace(/^urn:uuid:/, '')
    .replace(/^\{(.*)\}$/, '$1')
  if (HYPHENATED.test(plain)) return plain
  if (SIMPLE.test(plain)) return hyphenate(plain)
  throw new Malformed(`${path}: ${quote(value)} is not a UUID`)
}

function hyphenate(hex: string): string {
  return [0, 8, 12, 16, 20].map((at, index, all) => hex.slice(at, all[index + 1])).join('-')
}

/** A time in ms since 1970; `[seconds, nanoseconds]` on the wire. */
export const time = wireType<number>('[s, ns]', readTime, (ms) => {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
})

function readTime(value: Wire, path: string): number {
  const [seconds, nanos] = timeParts(value, path)
  const nanoseconds = uint.read(nanos, `${path}.nanos_since_epoch`)
  if (nanoseconds >= 1e9) throw new Malformed(`${path}: ${nanoseconds} is a second or more`)
  return uint.read(seconds, `${path}.secs_since_epoch`) * 1000 + nanoseconds / 1e6
}

function timeParts(value: Wire, path: string): readonly [Wire, Wire] {
  if (value instanceof WireMap) {
    return [value.get('secs_since_epoch') ?? null, value.get('nanos_since_epoch') ?? null]
  }
  const [seconds, nanos] = Array.isArray(value) ? (value as readonly Wire[]) : []
  if (!Array.isArray(value) || value.length !== 2 || seconds === undefined || nanos === undefined) {
    return wrong(path, '[seconds, nanoseconds]', value)
  }
  return [seconds, nanos]
}

/** Any JSON; no binary data, no extensions, and only strings as keys. */
export const json = wireType<Json>('json', readJson, writeJson)

function readJson(value: Wire, path: string): Json {
  if (value instanceof Float) return Number.isFinite(value.value) ? value.value : null
  if (value instanceof Uint8Array || value instanceof Extension) return wrong(path, 'JSON', value)
  if (value instanceof WireMap) return readMembers(value, path, readJson)
  if (isList(value)) return value.map((item, index) => readJson(item, `${path}[${index}]`))
  return value
}

function isList(value: Wire): value is readonly Wire[] {
  return Array.isArray(value)
}

function readMembers<T>(
  map: WireMap,
  path: string,
  read: (value: Wire, path: string) => T,
): Record<string, T> {
  // fromEntries defines members, so that one called `__proto__` is a member like any other.
  return Object.fromEntries(
    map.entries.map(([key, value]) => {
      if (typeof key !== 'string') return wrong(`${path}: a key`, 'a string', key)
      return [key, read(value, `${path}.${key}`)] as const
    }),
  )
}

/** Integers beyond 32 bits would be written as floats, and a peer takes none of those for an integer. */
function writeJson(value: Json): unknown {
  if (typeof value === 'number') return writeNumber(value)
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return (value as readonly Json[]).map(writeJson)
  return new Map(
    Object.entries(value as Readonly<Record<string, Json>>)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, writeJson(member)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

function writeNumber(value: number): number | bigint {
  return Number.isSafeInteger(value) && Math.abs(value) > 0x7fff_ffff ? BigInt(value) : value
}

export const strings = wireType<Readonly<Record<string, string>>>(
  'map<str, str>',
  (value, path) =>
    value instanceof WireMap ? readMembers(value, path, readText) : wrong(path, 'a map', value),
  (value) => new Map(Object.entries(value)),
)

export function optional<T>(type: WireType<T>): WireType<T | null> {
  return {
    title: `${type.title} or nil`,
    isOptional: true,
    fields: type.fields,
    read: (value, path) => (value === null ? null : type.read(value, path)),
    write: (value) => (value === null ? null : type.write(value)),
  }
}

export function list<T>(type: WireType<T>): WireType<readonly T[]> {
  const title = `array of ${type.title}`
  const read = (value: Wire, path: string): readonly T[] => {
    if (!isList(value)) return wrong(path, 'an array', value)
    return value.map((item, index) => type.read(item, `${path}[${index}]`))
  }
  const write = (items: readonly T[]): unknown => items.map((item) => type.write(item))
  return { ...wireType(title, read, write), fields: type.fields }
}

/** Outside text in our sentences: short, and without what moves a cursor. */
export function quote(value: string): string {
  const short = value.length > 64 ? `${value.slice(0, 64)}…` : value
  return JSON.stringify(short)
}
