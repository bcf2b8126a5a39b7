/** Messages of the agent protocol from bytes and to bytes. */
import { Packr } from 'msgpackr'
import { isTag, LAYOUTS, type Message, type Tag } from './layouts.ts'
import { type Fields, readFields, writeFields } from './struct.ts'
import { NIL_UUID, quote, uuid } from './wire-types.ts'
import { kindOf, Malformed, readWire, type Wire, WireMap } from './wire-values.ts'

/** What could be made out of a message that is none. */
export interface Undecodable {
  readonly type: 'undecodable'
  readonly tag: Tag | undefined
  readonly requestId: string
  readonly agentId: string
  readonly reason: string
}

const packr = new Packr({ useRecords: false, variableMapSize: true, moreTypes: false })

/** Array or map form; what follows the first value is not looked at. Never throws. */
export function decodeMessage(bytes: Uint8Array): Message | Undecodable {
  let value: Wire = null
  try {
    value = readWire(bytes)
    return toMessage(value)
  } catch (thrown) {
    if (!(thrown instanceof Malformed)) throw thrown
    return { type: 'undecodable', ...glimpse(value), reason: thrown.message }
  }
}

function toMessage(value: Wire): Message {
  const name = tagOf(value)
  if (name === undefined) {
    throw new Malformed(`expected [tag, …] or a map with a type, got ${kindOf(value)}`)
  }
  if (!isTag(name)) throw new Malformed(`Unexpected message type: ${quote(name)}`)
  const fields: Fields = LAYOUTS[name]
  const given = Array.isArray(value) ? (value as readonly Wire[]).slice(1) : value
  return { type: name, ...readFields(fields, given, '') } as Message
}

function tagOf(value: Wire): string | undefined {
  const tag = value instanceof WireMap ? value.get('type') : firstOf(value)
  return typeof tag === 'string' ? tag : undefined
}

function firstOf(value: Wire): Wire | undefined {
  return Array.isArray(value) ? (value as readonly Wire[])[0] : undefined
}

/** What a reply to it needs, as far as it can be read. */
function glimpse(value: Wire): Pick<Undecodable, 'tag' | 'requestId' | 'agentId'> {
  const tag = tagOf(value)
  const at = (index: number, name: string): Wire | undefined =>
    value instanceof WireMap ? value.get(name) : (value as readonly (Wire | undefined)[])[index]
  if (tag === undefined) return { tag: undefined, requestId: '', agentId: NIL_UUID }
  const requestId = at(1, 'request_id')
  return {
    tag: isTag(tag) ? tag : undefined,
    requestId: typeof requestId === 'string' ? requestId : '',
    agentId: agentOf(at(2, 'agent_id')),
  }
}

function agentOf(value: Wire | undefined): string {
  try {
    return uuid.read(value ?? null, '')
  } catch {
    return NIL_UUID
  }
}

/** Always the array form. */
export function encodeMessage(message: Message): Buffer {
  const fields: Fields = LAYOUTS[message.type]
  return packr.pack([message.type, ...writeFields(fields, { ...message })])
}
