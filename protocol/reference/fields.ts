/** Schemas as rows of a table: one row for each field, nested ones by their path. Pure. */

import { AuditRecord } from '../messages/audit.ts'
import { ErrorBody } from '../messages/calls.ts'
import { LiveSession } from '../methods/host.ts'
import { ReaderInfo } from '../methods/readers.ts'
import { PageChunk } from '../methods/stream.ts'
import { BackendInfo, HostInfo, SessionInfo } from '../methods/types.ts'
import type { TSchema } from '../typebox.ts'

/** The parts of a JSON Schema that the schemas of the protocol use. */
export interface Shape {
  readonly type?: string
  readonly description?: string
  readonly const?: unknown
  readonly anyOf?: readonly Shape[]
  readonly items?: Shape | readonly Shape[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, Shape>>
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
}

export interface Field {
  readonly path: string
  readonly type: string
  readonly isRequired: boolean
  readonly description: string
}

/** Records that have a table of their own; elsewhere only their name stands. */
export const RECORDS: Readonly<Record<string, TSchema>> = {
  SessionInfo,
  HostInfo,
  BackendInfo,
  LiveSession,
  ReaderInfo,
  AuditRecord,
  PageChunk,
  ErrorBody,
}

const NAMES: ReadonlyMap<unknown, string> = new Map(
  Object.entries(RECORDS).map(([name, schema]) => [schema, name]),
)

export const shapeOf = (schema: TSchema): Shape => schema as Shape

/** The name of a record with a table of its own. */
export function recordName(shape: unknown): string | undefined {
  return NAMES.get(shape)
}

/** One row for each property, and for each property of what is nested in it. */
export function fieldsOf(shape: Shape, prefix = ''): Field[] {
  return Object.entries(shape.properties ?? {}).flatMap(([name, property]) => {
    const path = `${prefix}${name}`
    const row: Field = {
      path,
      type: typeText(property),
      isRequired: shape.required?.includes(name) ?? false,
      description: property.description ?? recordHint(property),
    }
    return [row, ...nested(property, path)]
  })
}

function nested(shape: Shape, path: string): Field[] {
  if (recordName(shape) !== undefined) return []
  if (shape.properties) return fieldsOf(shape, `${path}.`)
  const item = itemOf(shape)
  if (!item?.properties || recordName(item) !== undefined) return []
  return fieldsOf(item, `${path}[].`)
}

/** A list of records needs no sentence of its own: the record has one. */
function recordHint(shape: Shape): string {
  const item = itemOf(shape)
  return item && recordName(item) !== undefined ? (item.description ?? '') : ''
}

export function itemOf({ items }: Shape): Shape | undefined {
  return Array.isArray(items) ? undefined : (items as Shape | undefined)
}

export function typeText(shape: Shape): string {
  const name = recordName(shape)
  if (name !== undefined) return name
  if (shape.const !== undefined) return JSON.stringify(shape.const)
  if (shape.anyOf) return shape.anyOf.map(typeText).join(' or ')
  switch (shape.type) {
    case 'array':
      return listText(shape)
    case 'object':
      return shape.patternProperties ? `map of ${valuesText(shape)}` : 'map'
    case 'string':
      return withBounds('string', shape.minLength, shape.maxLength)
    case 'integer':
    case 'number':
      return withBounds(shape.type, shape.minimum, shape.maximum)
    default:
      return shape.type ?? 'any'
  }
}

function listText(shape: Shape): string {
  const item = itemOf(shape)
  return withBounds(`list of ${item ? typeText(item) : 'values'}`, undefined, shape.maxItems)
}

function valuesText({ patternProperties = {} }: Shape): string {
  return Object.values(patternProperties).map(typeText).join(' or ')
}

function withBounds(type: string, low: number | undefined, high: number | undefined): string {
  if (low !== undefined && high !== undefined) return `${type} ${low}..${high}`
  if (low !== undefined) return `${type} >= ${low}`
  return high === undefined ? type : `${type} <= ${high}`
}
