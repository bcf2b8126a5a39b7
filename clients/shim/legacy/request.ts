/**
 * Requests as the old daemon decoded them: an object, a list of four in the order of the members, or a list of
 * such. The members that it knows may stand there once only; others are passed over.
 */
import { JsonFault } from './json/fault.ts'
import { JsonReader } from './json/reader.ts'
import type { JsonValue } from './json/value.ts'

export interface RpcRequest {
  readonly jsonrpc: string
  readonly method: string
  /** Null when there are none. */
  readonly params: JsonValue
  /** Null when there is none. */
  readonly id: JsonValue
}

const MEMBERS = ['jsonrpc', 'method', 'params', 'id'] as const
type Member = (typeof MEMBERS)[number]
const RECORD = 'struct RpcRequest'

/** The only request of a text. Throws JsonFault. */
export function readRequest(text: string): RpcRequest {
  const reader = new JsonReader(text)
  const request = record(reader)
  reader.end()
  return request
}

/** The requests of a text that is a list. Throws JsonFault. */
export function readBatch(text: string): readonly RpcRequest[] {
  const reader = new JsonReader(text)
  if (reader.scanner.peek() !== '[') reader.refuse('a sequence')
  const requests: RpcRequest[] = []
  reader.list(() => requests.push(record(reader)))
  reader.end()
  return requests
}

function record(reader: JsonReader): RpcRequest {
  const next = reader.scanner.peek()
  if (next === '{') return fromObject(reader)
  if (next === '[') return fromList(reader)
  return reader.refuse(RECORD)
}

function fromObject(reader: JsonReader): RpcRequest {
  const found = new Map<Member, JsonValue>()
  reader.object(
    (key) => {
      const member = MEMBERS.find((name) => name === key)
      if (member !== undefined && found.has(member)) {
        throw new JsonFault(`duplicate field \`${member}\``)
      }
      reader.colon()
      if (member === undefined) reader.value()
      else found.set(member, readMember(reader, member))
    },
    () => {
      for (const member of ['jsonrpc', 'method'] as const) {
        if (!found.has(member)) throw new JsonFault(`missing field \`${member}\``)
      }
    },
  )
  return requestOf(found)
}

function fromList(reader: JsonReader): RpcRequest {
  const found = new Map<Member, JsonValue>()
  reader.fixedList((hasNext) => {
    MEMBERS.forEach((member, index) => {
      if (!hasNext()) {
        throw new JsonFault(`invalid length ${index}, expected ${RECORD} with 4 elements`)
      }
      found.set(member, readMember(reader, member))
    })
  })
  return requestOf(found)
}

function readMember(reader: JsonReader, member: Member): JsonValue {
  return member === 'jsonrpc' || member === 'method' ? reader.string() : reader.value()
}

function requestOf(found: ReadonlyMap<Member, JsonValue>): RpcRequest {
  const text = (member: Member): string => {
    const value = found.get(member)
    return typeof value === 'string' ? value : ''
  }
  return {
    jsonrpc: text('jsonrpc'),
    method: text('method'),
    params: found.get('params') ?? null,
    id: found.get('id') ?? null,
  }
}
