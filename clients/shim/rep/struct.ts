/** Records of the agent protocol: a list of fields that is read from an array or a map, and written as an array. */

import type { WireType } from './wire-types.ts'
import { kindOf, Malformed, type Wire, WireMap } from './wire-values.ts'

export interface Field<N extends string, T> {
  readonly name: N
  readonly type: WireType<T>
  /** What an absent one is; without it, only the map form may leave an optional one out. */
  readonly fallback?: { readonly value: T }
}

/** Any field; what its type reads is what it writes. */
export type Fields = readonly Field<string, unknown>[]

export type Values<F extends Fields> = {
  readonly [X in F[number] as X['name']]: ReturnType<X['type']['read']>
}

export function field<const N extends string, T>(name: N, type: WireType<T>): Field<N, T> {
  return { name, type }
}

/** One that may be left out at the end of an array as well. */
export function defaulted<const N extends string, T>(
  name: N,
  type: WireType<T>,
  value: T,
): Field<N, T> {
  return { name, type, fallback: { value } }
}

export function readFields<F extends Fields>(fields: F, given: Wire, path: string): Values<F> {
  return Object.fromEntries(
    given instanceof WireMap ? fromMap(fields, given, path) : fromArray(fields, given, path),
  ) as Values<F>
}

function* fromMap(fields: Fields, map: WireMap, path: string): Generator<[string, unknown]> {
  for (const { name, type, fallback } of fields) {
    const value = map.get(name)
    if (value !== undefined) yield [name, type.read(value, join(path, name))]
    else if (fallback) yield [name, fallback.value]
    else if (type.isOptional) yield [name, null]
    else throw new Malformed(`${join(path, name)} is missing`)
  }
}

function* fromArray(fields: Fields, given: Wire, path: string): Generator<[string, unknown]> {
  if (!Array.isArray(given)) {
    throw new Malformed(
      `${path || 'the message'}: expected an array or a map, got ${kindOf(given)}`,
    )
  }
  const items = given as readonly Wire[]
  if (items.length > fields.length) {
    const where = path === '' ? '' : `${path}: `
    throw new Malformed(
      `${where}${items.length} elements are more than the ${fields.length} there are`,
    )
  }
  for (const [index, { name, type, fallback }] of fields.entries()) {
    const value = items[index]
    if (value !== undefined) yield [name, type.read(value, join(path, name))]
    else if (fallback) yield [name, fallback.value]
    else throw new Malformed(`${join(path, name)} is missing`)
  }
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

export function writeFields<F extends Fields>(fields: F, values: Values<F>): unknown[] {
  const byName = values as Readonly<Record<string, unknown>>
  return fields.map(({ name, type }) => type.write(byName[name]))
}

/** A record within another. */
export function struct<F extends Fields>(title: string, fields: F): WireType<Values<F>> {
  return {
    title,
    isOptional: false,
    fields,
    read: (value, path) => readFields(fields, value, path),
    write: (values) => writeFields(fields, values),
  }
}
