/** The generated parts of docs/protocol.md. */

import {
  BUNDLE_TARGET_BYTES,
  BUNDLE_TARGET_CALLS,
  BUNDLE_TARGET_MESSAGES,
  MAX_CHUNK_BYTES,
  WIRE_LIMITS,
  type WireLimits,
} from '../limits.ts'
import { HEARTBEAT } from '../link/heartbeat.ts'
import { PEER_RETRY, SILENT_AFTER_MS } from '../link/peer-link.ts'
import { AUDIT_EVENTS } from '../messages/audit.ts'
import { DEFAULT_DEADLINE_MS } from '../messages/calls.ts'
import { CHUNK_CODES, CHUNKS, type ChunkType } from '../messages/chunk.ts'
import { MESSAGES, type MessageKind } from '../messages/index.ts'
import { ROLE_SCOPES, SCOPES } from '../methods/define.ts'
import { METHODS, type MethodName } from '../methods/index.ts'
import { fieldsOf, RECORDS, shapeOf } from './fields.ts'
import { blocks, code, fieldRow, fieldTable, table } from './markdown.ts'

export function messageTables(): string {
  const overview = table(
    ['kind', 'code', 'direction', 'lane', 'meaning'],
    Object.values(MESSAGES).map((message) => [
      code(message.kind),
      String(message.code),
      message.direction,
      message.lane,
      message.description,
    ]),
  )
  return blocks(overview, ...Object.values(MESSAGES).map(({ kind }) => messageSection(kind)))
}

function messageSection(kind: MessageKind): string {
  const { code: number, names, schema, body } = MESSAGES[kind]
  const layout = code(`[${[String(number), 'length', ...names].join(', ')}]`)
  const rows = fieldsOf(shapeOf(schema)).map((field, index) => [
    String(index + 2),
    ...fieldRow(field),
  ])
  return blocks(
    `#### ${kind}`,
    `Head: ${layout}`,
    rows.length === 0 ? '' : table(['index', 'field', 'type', 'meaning'], rows),
    body === 'none'
      ? 'Body: none.'
      : body === 'opaque'
        ? `Body: ${OPAQUE[kind] ?? 'depends on the method'}.`
        : blocks('Body: a map.', fieldTable(shapeOf(body), '')),
  )
}

const OPAQUE: Partial<Record<MessageKind, string>> = {
  REQUEST: 'the parameters of the method',
  REPLY: 'the result of the method',
  APPEND: 'the body of the chunk type',
  CHUNK: 'the body of the chunk type',
}

export function chunkTables(): string {
  const types = Object.keys(CHUNKS) as ChunkType[]
  const overview = table(
    ['type', 'code', 'meaning'],
    types.map((type) => [
      code(type),
      String(CHUNK_CODES[type]),
      shapeOf(CHUNKS[type]).description ?? '',
    ]),
  )
  const rows = types.flatMap((type) =>
    fieldsOf(shapeOf(CHUNKS[type])).map((field) => [code(type), ...fieldRow(field)]),
  )
  return blocks(overview, table(['type', 'field', 'value', 'meaning'], rows))
}

export function auditEventTable(): string {
  const rows = Object.entries(AUDIT_EVENTS).map(([event, meaning]) => [code(event), meaning])
  return table(['event', 'meaning'], rows)
}

export function methodTables(): string {
  const overview = table(
    ['method', 'answered by', 'scope', 'reach', 'mutating', 'meaning'],
    Object.values(METHODS).map(({ name, answeredBy, scope, reach, mutating, description }) => [
      code(name),
      answeredBy,
      scope,
      reach ?? 'all',
      mutating ? 'yes' : 'no',
      description,
    ]),
  )
  const names = Object.keys(METHODS) as MethodName[]
  return blocks(overview, ...names.map(methodSection))
}

function methodSection(name: MethodName): string {
  const { description, params, result, errors } = METHODS[name]
  const record = Object.entries(RECORDS).find(([, schema]) => schema === result)?.[0]
  return blocks(
    `#### ${name}`,
    description,
    blocks('Parameters:', fieldTable(shapeOf(params), 'none; send an empty map or an empty body.')),
    record
      ? `Result: a ${record} (6.3).`
      : blocks('Result:', fieldTable(shapeOf(result), 'an empty map.')),
    errors.length === 0
      ? ''
      : `Errors of its own: ${errors.map((error: string) => code(error)).join(', ')}.`,
  )
}

export function recordTables(): string {
  const sections = Object.entries(RECORDS).map(([name, schema]) => {
    const shape = shapeOf(schema)
    return blocks(`#### ${name}`, `${shape.description ?? ''}.`, fieldTable(shape, ''))
  })
  return blocks(...sections)
}

const LIMIT_TEXTS: Readonly<Record<keyof WireLimits, string>> = {
  maxMessages: 'messages in one bundle',
  maxBadHeads: 'heads of one bundle that cannot be used',
  maxHeadsBytes: 'bytes of the heads frame',
  maxBodiesBytes: 'bytes of the bodies frame, so also of one body',
  maxDepth: 'nesting of arrays and maps in the heads frame or in one body',
  maxValues: 'values (scalars, arrays, maps and keys) in the heads frame or in one body',
}

export function limitTable(): string {
  const wire = (Object.keys(LIMIT_TEXTS) as (keyof WireLimits)[]).map((key) => [
    LIMIT_TEXTS[key],
    number(WIRE_LIMITS[key]),
    'refused with `TOO_LARGE`, `BAD_FRAME` or `INVALID_MESSAGE`',
  ])
  return table(
    ['what', 'value', 'beyond it'],
    [
      ...wire,
      ['bytes of the body of one chunk', number(MAX_CHUNK_BYTES), 'hosts split longer text'],
      ['bytes at which a sender closes a bundle', number(BUNDLE_TARGET_BYTES), 'advice'],
      ['messages at which a sender closes a bundle', number(BUNDLE_TARGET_MESSAGES), 'advice'],
      ['the same, before there are chunks in it', number(BUNDLE_TARGET_CALLS), 'advice'],
      ['deadline of a request that names none, ms', number(DEFAULT_DEADLINE_MS), ''],
      ['heartbeat interval unless WELCOME says otherwise, ms', number(HEARTBEAT.heartbeatMs), ''],
      ['silence after which a side is lost, ms', number(HEARTBEAT.livenessMs), ''],
      ['HELLO unanswered for so long is reported, ms', number(SILENT_AFTER_MS), ''],
      ['first and longest bound of the HELLO back-off, ms', retry(), ''],
    ],
  )
}

const retry = () => `${number(PEER_RETRY.firstMs)} and ${number(PEER_RETRY.maxMs)}`

/** 262144 as 262,144, in any locale. */
function number(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}

export function roleTable(): string {
  return table(
    ['role', ...SCOPES],
    Object.entries(ROLE_SCOPES).map(([role, scopes]) => [
      code(role),
      ...SCOPES.map((scope) => (scopes.includes(scope) ? 'yes' : '')),
    ]),
  )
}
