/** A message of the agent protocol that a case sends, in one form whether it is an array, a map or bytes. */
import { isArray, isObject, type Json } from './exact-json.ts'
import { unpacked } from './senders/msgpack.ts'
import type { Vector } from './vector.ts'

export interface AgentMessage {
  /** Null when it has none that is text. */
  readonly tag: string | null
  /** The text that its reply repeats; empty when it has none. */
  readonly id: string
  /** What stands after the tag and the id, by its name or its place there. */
  member(name: string, place: number): Json | undefined
}

/** Undefined when the case sends none, or bytes of which nothing can be made. */
export function agentMessage({ transport, send }: Vector): AgentMessage | undefined {
  const message = transport === 'zmq-req' ? contentOf(send) : undefined
  if (message === undefined) return undefined
  const [tag, id] = isArray(message)
    ? [message[0], message[1]]
    : [memberOf(message, 'type'), memberOf(message, 'request_id')]
  return {
    tag: typeof tag === 'string' ? tag : null,
    id: typeof tag === 'string' && typeof id === 'string' ? id : '',
    member: (name, place) => (isArray(message) ? message[place + 2] : memberOf(message, name)),
  }
}

function contentOf(send: Json): Json | undefined {
  if (!isObject(send)) return undefined
  const { array, map, hex } = send
  if (typeof hex !== 'string') return array ?? map
  try {
    return array ?? map ?? unpacked(Buffer.from(hex.replace(/\s/g, ''), 'hex'))
  } catch {
    return undefined
  }
}

function memberOf(json: Json, name: string): Json | undefined {
  return isObject(json) && Object.hasOwn(json, name) ? json[name] : undefined
}

const NIL = { $bin: '0'.repeat(32) }
const HEX = /^[0-9a-f]{32}$/i

/** An agent as replies name it: 16 bytes, whatever form the request had. */
export function agentIn(message: AgentMessage): Json {
  const agent = message.member('agent_id', 0)
  const bin = isObject(agent) ? agent['$bin'] : undefined
  const hex = typeof bin === 'string' ? bin : typeof agent === 'string' ? plainHex(agent) : ''
  return HEX.test(hex) ? { $bin: hex.toLowerCase() } : NIL
}

/** Of the forms in which a UUID may be written as text. */
function plainHex(text: string): string {
  return text
    .replace(/^urn:uuid:/i, '')
    .replace(/^\{(.*)\}$/, '$1')
    .replaceAll('-', '')
}

/** As texts name it. */
export function agentText(agent: Json): string {
  const hex = isObject(agent) ? agent['$bin'] : undefined
  if (typeof hex !== 'string') return '<uuid>'
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
