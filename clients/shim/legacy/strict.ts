/** JSON-RPC 2.0 to the letter: what a text asks for, and how it is answered. */
import { answerBatch } from './batch.ts'
import { JsonFault } from './json/fault.ts'
import { JsonReader } from './json/reader.ts'
import { isList, isMap, JsonFloat, type JsonMap, type JsonValue } from './json/value.ts'
import { errorReply, resultReply } from './reply.ts'
import type { RpcRequest } from './request.ts'
import { RpcError } from './rpc-error.ts'

/** Does what one request asks for. Rejects with RpcError. */
export type Run = (request: RpcRequest) => Promise<unknown>

/** The reply to a text; undefined when nothing is to be replied. */
export async function answerStrictly(
  text: string,
  maxBatch: number,
  run: Run,
): Promise<string | undefined> {
  let value: JsonValue
  try {
    const reader = new JsonReader(text)
    value = reader.value()
    reader.end()
  } catch (thrown) {
    if (!(thrown instanceof JsonFault)) throw thrown
    return errorReply(null, { code: -32700, message: `Parse error: ${thrown.inText(text)}` })
  }
  if (!isList(value)) return answerOne(value, run)
  if (value.length === 0) return invalid(null, 'an empty batch')
  if (value.length > maxBatch) return invalid(null, `a batch has at most ${maxBatch} requests`)
  const replies = await answerBatch(value, {
    answer: (item) => answerOne(item, run),
    refuse: (item, error) => answerRefused(item, error),
  })
  return replies.length === 0 ? undefined : `[${replies.join(',')}]`
}

function invalid(id: JsonValue, why: string): string {
  return errorReply(id, { code: -32600, message: `Invalid Request: ${why}` })
}

async function answerOne(value: JsonValue, run: Run): Promise<string | undefined> {
  if (!isMap(value)) return invalid(null, 'it is no object')
  const id = value.get('id') ?? null
  if (!isId(id)) return invalid(null, 'id must be a string, a number or null')
  const request = requestOf(value, id)
  if (typeof request === 'string') return invalid(id, request)
  const isNotification = !value.has('id')
  try {
    const result = await run(request)
    return isNotification ? undefined : resultReply(id, result)
  } catch (thrown) {
    if (!(thrown instanceof RpcError)) throw thrown
    return isNotification ? undefined : errorReply(id, thrown.standard ?? thrown)
  }
}

/** For what is no longer done. */
function answerRefused(value: JsonValue, error: RpcError): string | undefined {
  if (isMap(value) && !value.has('id')) return undefined
  const id = isMap(value) ? (value.get('id') ?? null) : null
  return errorReply(isId(id) ? id : null, error)
}

/** What is wrong with it, when it is none. */
function requestOf(value: JsonMap, id: JsonValue): RpcRequest | string {
  const method = value.get('method')
  const params = value.get('params') ?? null
  if (value.get('jsonrpc') !== '2.0') return 'jsonrpc must be "2.0"'
  if (typeof method !== 'string') return 'method must be a string'
  if (params !== null && !isList(params) && !isMap(params)) {
    return 'params must be an object or an array'
  }
  return { jsonrpc: '2.0', method, params, id }
}

function isId(id: JsonValue): boolean {
  return (
    id === null || id instanceof JsonFloat || ['string', 'number', 'bigint'].includes(typeof id)
  )
}
