/** Replies as text, their members in the order in which the old daemon wrote them. */
import { encode, fromPlain, type JsonValue } from './json/value.ts'
import type { RpcError } from './rpc-error.ts'

export function resultReply(id: JsonValue, result: unknown): string {
  return `{"jsonrpc":"2.0","result":${encode(fromPlain(result))},"id":${encode(id)}}`
}

export function errorReply(id: JsonValue, { code, message }: Pick<RpcError, 'code' | 'message'>) {
  return `{"jsonrpc":"2.0","error":${JSON.stringify({ code, message })},"id":${encode(id)}}`
}

/** To what could not be decoded: here its members were in alphabetical order. */
export function undecodableReply({ code, message }: Pick<RpcError, 'code' | 'message'>): string {
  return `{"error":${JSON.stringify({ code, message })},"id":null,"jsonrpc":"2.0"}`
}
