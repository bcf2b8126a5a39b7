/** Parameters of legacy methods as tables of fields, from which decoding and documents come. */
import type { TSchema } from '../../../protocol/typebox.ts'
import { Type } from '../../../protocol/typebox.ts'
import { isList, isMap, type JsonValue, plain } from './json/value.ts'
import { describe } from './json/words.ts'

/** What a value may be, in the words of serde. */
interface Kind<T> {
  readonly expected: string
  readonly schema: TSchema
  /** The value, or the text of what is wrong with it. */
  readonly read: (value: JsonValue) => { readonly value: T } | { readonly fault: string }
}

function kind<T>(
  expected: string,
  schema: TSchema,
  fits: (value: JsonValue) => T | undefined,
): Kind<T> {
  return {
    expected,
    schema,
    read: (value) => {
      const found = fits(value)
      if (found !== undefined) return { value: found }
      return { fault: `invalid type: ${describe(value)}, expected ${expected}` }
    },
  }
}

const text = kind('a string', Type.String(), (value) =>
  typeof value === 'string' ? value : undefined,
)
const flag = kind('a boolean', Type.Boolean(), (value) =>
  typeof value === 'boolean' ? value : undefined,
)
const anything = kind<unknown>('any value', Type.Unknown(), (value) => plain(value))

const size: Kind<number> = {
  expected: 'usize',
  schema: Type.Integer({ minimum: 0 }),
  read: (value) => {
    const isWhole = typeof value === 'number' || typeof value === 'bigint'
    if (isWhole && value >= 0) return { value: Number(value) }
    const what = isWhole ? 'value' : 'type'
    return { fault: `invalid ${what}: ${describe(value)}, expected usize` }
  },
}

const texts: Kind<readonly string[]> = {
  expected: 'a sequence',
  schema: Type.Array(Type.String()),
  read: (value) => {
    if (!isList(value)) return { fault: `invalid type: ${describe(value)}, expected a sequence` }
    const items: string[] = []
    for (const item of value) {
      const read = text.read(item)
      if ('fault' in read) return read
      items.push(read.value)
    }
    return { value: items }
  },
}

export interface Field<T> {
  readonly kind: Kind<unknown>
  readonly description: string
  /** Null is a value, and the same as none in an object. */
  readonly isNullable: boolean
  /** Taken when there is none, also at the end of a list; undefined: there must be one. */
  readonly fallback: { readonly value: T } | undefined
}

function field<T>(of: Kind<T>, description: string) {
  const base = { kind: of, description }
  return {
    required: { ...base, isNullable: false, fallback: undefined } as Field<T>,
    /** Must be there in a list. */
    nullable: { ...base, isNullable: true, fallback: undefined } as Field<T | null>,
    optional: { ...base, isNullable: true, fallback: { value: null } } as Field<T | null>,
    or: (value: T): Field<T> => ({ ...base, isNullable: false, fallback: { value } }),
  }
}

export const fields = {
  text: (description: string) => field(text, description),
  flag: (description: string) => field(flag, description),
  size: (description: string) => field(size, description),
  texts: (description: string) => field(texts, description),
  anything: (description: string) => field(anything, description),
}

/** A record of parameters: its name in the old daemon, and its fields in their order. */
export interface Struct<F extends Readonly<Record<string, Field<unknown>>>> {
  readonly name: string
  readonly fields: F
}
export type AnyStruct = Struct<Readonly<Record<string, Field<unknown>>>>

export type Decoded<S extends AnyStruct> = {
  readonly [K in keyof S['fields']]: S['fields'][K] extends Field<infer T> ? T : never
}

export function struct<const F extends Readonly<Record<string, Field<unknown>>>>(
  name: string,
  of: F,
): Struct<F> {
  return { name, fields: of }
}

/** Why parameters cannot be decoded. */
export class ParamsFault extends Error {
  override readonly name = 'ParamsFault'
}

/**
 * Parameters by name or by position. `isStrict`: of a list, what may be missing in an object may be missing at
 * the end. Throws ParamsFault in the words of serde.
 */
export function decode<S extends AnyStruct>(
  of: S,
  params: JsonValue,
  isStrict = false,
): Decoded<S> {
  const entries = Object.entries(of.fields)
  const found = isList(params)
    ? byPosition(of, params, isStrict)
    : isMap(params)
      ? byName(of, params)
      : fail(`invalid type: ${describe(params)}, expected struct ${of.name}`)
  for (const [name, { isNullable, fallback }] of entries) {
    if (found.has(name)) continue
    if (fallback) found.set(name, fallback.value)
    else if (isNullable) found.set(name, null)
    else fail(`missing field \`${name}\``)
  }
  return Object.fromEntries(found) as Decoded<S>
}

function byPosition(
  { name, fields: of }: AnyStruct,
  items: readonly JsonValue[],
  isStrict: boolean,
): Map<string, unknown> {
  const found = new Map<string, unknown>()
  const entries = Object.entries(of)
  const count = `${entries.length} element${entries.length === 1 ? '' : 's'}`
  for (const [index, [key, one]] of entries.entries()) {
    const item = items[index]
    if (item !== undefined) found.set(key, read(one, item))
    else if (!one.fallback && !(isStrict && one.isNullable)) {
      fail(`invalid length ${index}, expected struct ${name} with ${count}`)
    }
  }
  if (items.length > entries.length) {
    fail(`invalid length ${items.length}, expected fewer elements in array`)
  }
  return found
}

/** In alphabetical order, in which the old daemon looked at them. */
function byName(
  { fields: of }: AnyStruct,
  members: ReadonlyMap<string, JsonValue>,
): Map<string, unknown> {
  const found = new Map<string, unknown>()
  const names = Object.keys(of).sort((a, b) => (a < b ? -1 : 1))
  for (const name of names) {
    const member = members.get(name)
    const one = of[name]
    if (one && member !== undefined) found.set(name, read(one, member))
  }
  return found
}

function read({ kind: of, isNullable }: Field<unknown>, value: JsonValue): unknown {
  if (value === null && isNullable) return null
  const result = of.read(value)
  return 'value' in result ? result.value : fail(result.fault)
}

function fail(reason: string): never {
  throw new ParamsFault(reason)
}

/** As `decode`, but whatever does not fit is as if it were not there. Every field needs a fallback. */
export function decodeLeniently<S extends AnyStruct>(of: S, params: JsonValue): Decoded<S> {
  const members = isMap(params) ? params : new Map<string, JsonValue>()
  const found = Object.entries(of.fields).map(([name, { kind: kindOf, fallback }]) => {
    const member = members.get(name)
    const result = member === undefined ? undefined : kindOf.read(member)
    return [name, result && 'value' in result ? result.value : fallback?.value]
  })
  return Object.fromEntries(found) as Decoded<S>
}

/** JSON schema of the parameters, for documents. */
export function schemaOf({ fields: of }: AnyStruct): TSchema {
  const properties = Object.entries(of).map(([name, { kind: kindOf, description, ...rest }]) => {
    const schema = rest.isNullable ? Type.Union([kindOf.schema, Type.Null()]) : kindOf.schema
    const isOptional = rest.isNullable || rest.fallback !== undefined
    const described = { ...schema, description } as TSchema
    return [name, isOptional ? Type.Optional(described) : described] as const
  })
  return Type.Object(Object.fromEntries(properties))
}
