/** Values that fit a schema, and messages of every kind, for property tests. */
import fc, { type Arbitrary } from 'fast-check'
import type { Message } from '../../protocol/bundle.ts'
import { encode } from '../../protocol/codec.ts'
import { type Head, MESSAGES, type MessageKind } from '../../protocol/messages/index.ts'
import type { TSchema } from '../../protocol/typebox.ts'

/** The parts of a JSON Schema that the schemas of the protocol use. */
interface Shape {
  readonly type?: string
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

/** What JSON can carry, without `-0` (MessagePack writes it as 0) and `__proto__` (renamed on reading). */
export const anyJson: Arbitrary<unknown> = fc
  .jsonValue({ maxDepth: 4 })
  .filter((value) => !JSON.stringify(value).includes('__proto__'))
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown)

export function fitting(schema: TSchema): Arbitrary<unknown> {
  return fromShape(schema as Shape)
}

function fromShape(shape: Shape): Arbitrary<unknown> {
  if (shape.const !== undefined) return fc.constant(shape.const)
  if (shape.anyOf) return fc.oneof(...shape.anyOf.map(fromShape))
  const { minimum = -(2 ** 53) + 1, maximum = 2 ** 53 - 1 } = shape
  switch (shape.type) {
    case 'string':
      return textOf(shape)
    case 'integer':
      return fc.integer({ min: minimum, max: maximum })
    case 'number':
      return fc.double({ min: minimum, max: maximum, noNaN: true }).map((value) => value + 0)
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return listOf(shape)
    case 'object':
      return objectOf(shape)
    default:
      return anyJson
  }
}

function textOf(shape: Shape): Arbitrary<string> {
  if (shape.pattern !== undefined) return fc.stringMatching(new RegExp(shape.pattern))
  const minLength = shape.minLength ?? 0
  return fc.string({
    minLength,
    maxLength: Math.min(shape.maxLength ?? 64, 300),
    unit: fc.oneof(
      fc.constantFrom('a', 'é', '中', '😀', '\u0000'),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
  })
}

function listOf(shape: Shape): Arbitrary<unknown> {
  if (Array.isArray(shape.items)) return fc.tuple(...shape.items.map(fromShape))
  const maxLength = Math.min(shape.maxItems ?? 5, 5)
  return fc.array(fromShape((shape.items as Shape | undefined) ?? {}), { maxLength })
}

function objectOf(shape: Shape): Arbitrary<unknown> {
  const [values] = Object.values(shape.patternProperties ?? {})
  if (values)
    return fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), fromShape(values), {
      noNullPrototype: true,
    })
  const properties = Object.entries(shape.properties ?? {})
  const requiredKeys = [...(shape.required ?? [])]
  const arbitraries = Object.fromEntries(properties.map(([key, value]) => [key, fromShape(value)]))
  return fc.record(arbitraries, { requiredKeys, noNullPrototype: true })
}

/** A head of this kind. */
export function headOf(kind: MessageKind): Arbitrary<Head> {
  return fitting(MESSAGES[kind].schema).map((fields) => ({ kind, ...(fields as object) }) as Head)
}

/** A message of this kind whose body fits its schema (or is any bytes, where none is given). */
export function messageOf(kind: MessageKind): Arbitrary<Message> {
  const { body } = MESSAGES[kind]
  const bytes =
    body === 'none'
      ? fc.constant(Buffer.alloc(0))
      : body === 'opaque'
        ? fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
        : fitting(body).map((value) => encode(value))
  return fc.record({ head: headOf(kind), body: bytes }, { noNullPrototype: true })
}

export const KINDS = Object.keys(MESSAGES) as readonly MessageKind[]

export const anyMessage: Arbitrary<Message> = fc.oneof(...KINDS.map(messageOf))
