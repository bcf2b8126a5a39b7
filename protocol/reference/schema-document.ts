/** protocol.schema.json: the whole protocol as one JSON Schema 2020-12 document, for other languages. */
import { ERRORS } from '../errors.ts'
import { WIRE_LIMITS } from '../limits.ts'
import { CHUNK_CODES, CHUNKS, type ChunkType } from '../messages/chunk.ts'
import { IGNORABLE, MESSAGES } from '../messages/index.ts'
import { ROLE_SCOPES } from '../methods/define.ts'
import { METHODS } from '../methods/index.ts'
import { PROTOCOL_VERSION } from '../version.ts'
import { type Shape, shapeOf } from './fields.ts'

type Json = Readonly<Record<string, unknown>>

/** `$defs` holds the schemas; the tables beside it say which schema belongs to what. */
export function protocolSchema(): Json {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'agentmq protocol',
    description:
      'Heads are arrays on the wire: [code, length of the body, fields in the order of `fields`]. Bodies are MessagePack maps; bin stands where a description says so.',
    version: PROTOCOL_VERSION,
    ignorable_bit: IGNORABLE,
    limits: WIRE_LIMITS,
    messages: messages(),
    chunks: chunks(),
    methods: methods(),
    errors: errors(),
    roles: ROLE_SCOPES,
    $defs: modern(definitions()),
  }
}

/** TypeBox writes tuples as older drafts did; 2020-12 calls the same thing `prefixItems`. */
function modern(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(modern)
  if (typeof value !== 'object' || value === null) return value
  const { additionalItems: _older, items, ...rest } = value as Json
  const tuple = Array.isArray(items) ? { prefixItems: modern(items), items: false } : {}
  const list = items === undefined || Array.isArray(items) ? {} : { items: modern(items) }
  const others = Object.entries(rest).map(([key, item]) => [key, modern(item)])
  return { ...Object.fromEntries(others), ...list, ...tuple }
}

const reference = (name: string): Json => ({ $ref: `#/$defs/${name}` })

function messages(): Json {
  const rows = Object.values(MESSAGES).map((message) => {
    const { kind, code, family, direction, lane, description, names, body } = message
    const row = { code, family, direction, lane, description, fields: names }
    const bodyRow = typeof body === 'string' ? body : reference(`body.${kind}`)
    return [kind, { ...row, head: reference(`head.${kind}`), body: bodyRow }] as const
  })
  return Object.fromEntries(rows)
}

function chunks(): Json {
  const types = Object.keys(CHUNKS) as ChunkType[]
  const row = (type: ChunkType) => ({ code: CHUNK_CODES[type], body: reference(`chunk.${type}`) })
  return Object.fromEntries(types.map((type) => [type, row(type)]))
}

function methods(): Json {
  const rows = Object.values(METHODS).map((method) => {
    const { name, description, answeredBy, scope, reach = 'all', mutating, errors } = method
    const rights = { answered_by: answeredBy, scope, reach }
    const params = reference(`params.${name}`)
    const result = reference(`result.${name}`)
    return [name, { description, ...rights, mutating, params, result, errors }] as const
  })
  return Object.fromEntries(rows)
}

function errors(): Json {
  const rows = Object.entries(ERRORS).map(([name, { jsonRpc, ...row }]) => [
    name,
    { ...row, json_rpc: jsonRpc },
  ])
  return Object.fromEntries(rows)
}

function definitions(): Json {
  const entries: [string, Shape | Json][] = []
  for (const { kind, code: number, schema, names, body } of Object.values(MESSAGES)) {
    entries.push([`head.${kind}`, headDefinition(number, shapeOf(schema), names)])
    if (typeof body !== 'string') entries.push([`body.${kind}`, shapeOf(body)])
  }
  for (const [type, schema] of Object.entries(CHUNKS)) {
    entries.push([`chunk.${type}`, shapeOf(schema)])
  }
  for (const { name, params, result } of Object.values(METHODS)) {
    entries.push([`params.${name}`, shapeOf(params)], [`result.${name}`, shapeOf(result)])
  }
  return Object.fromEntries(entries)
}

/** A head as it is on the wire. Fields of later versions may follow, so nothing is said of them. */
function headDefinition(
  code: number,
  { properties = {}, required = [] }: Shape,
  names: readonly string[],
): Json {
  const fields = names.map((name) => ({ title: name, ...properties[name] }))
  const length = { title: 'length', type: 'integer', minimum: 0 }
  return {
    type: 'array',
    prefixItems: [{ title: 'kind', const: code }, length, ...fields],
    minItems: required.length + 2,
  }
}
