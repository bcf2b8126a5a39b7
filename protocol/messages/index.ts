/** The table of message kinds, and heads between their named form and their tuple on the wire. */
import { ProtocolError } from '../errors.ts'
import { mismatch } from '../schema.ts'
import { Accepted, Cancel, Failure, Reply, Request } from './calls.ts'
import type { HeadDefinition, HeadFields, HeadOf, Lane } from './define.ts'
import { Challenge, Goodbye, Hello, NextKey, Proof, Welcome } from './handshake.ts'
import { Ping, Pong } from './liveness.ts'
import { Append, Appended, ChunkMessage, Credit, Moved, StreamHead } from './streams.ts'

export const MESSAGES = {
  HELLO: Hello,
  CHALLENGE: Challenge,
  PROOF: Proof,
  WELCOME: Welcome,
  GOODBYE: Goodbye,
  NEXT_KEY: NextKey,
  PING: Ping,
  PONG: Pong,
  REQUEST: Request,
  ACCEPTED: Accepted,
  REPLY: Reply,
  ERROR: Failure,
  CANCEL: Cancel,
  APPEND: Append,
  APPENDED: Appended,
  CREDIT: Credit,
  CHUNK: ChunkMessage,
  HEAD: StreamHead,
  MOVED: Moved,
} as const

export type MessageKind = keyof typeof MESSAGES
export type HeadFor<K extends MessageKind> = HeadOf<(typeof MESSAGES)[K]>
export type Head = { [K in MessageKind]: HeadFor<K> }[MessageKind]

type AnyDefinition = HeadDefinition<MessageKind, HeadFields>

const DEFINITIONS: ReadonlyMap<string, AnyDefinition> = new Map(
  Object.values(MESSAGES).map((definition) => [definition.kind, definition as AnyDefinition]),
)
const BY_CODE: ReadonlyMap<number, AnyDefinition> = new Map(
  Object.values(MESSAGES).map((definition) => [definition.code, definition as AnyDefinition]),
)

/** A kind with this bit may be skipped by a receiver that does not know it. */
export const IGNORABLE = 0x80

export function laneOf(kind: MessageKind): Lane {
  return MESSAGES[kind].lane
}

/** `[code, length, field…]`. Heads made by this program are not validated again. */
export function headToTuple(head: Head, length: number): unknown[] {
  const names = DEFINITIONS.get(head.kind)?.names ?? []
  const tuple: unknown[] = [MESSAGES[head.kind].code, length]
  const fields = head as unknown as Readonly<Record<string, unknown>>
  for (const name of names) {
    const value = fields[name]
    if (value !== undefined) tuple.push(value)
  }
  return tuple
}

export type ParsedHead =
  | { readonly known: true; readonly head: Head }
  | { readonly known: false; readonly code: number; readonly ignorable: boolean }

/** Reads a tuple; fields beyond those known here are left alone. Throws INVALID_MESSAGE. */
export function tupleToHead(tuple: readonly unknown[]): ParsedHead {
  const code = tuple[0] as number
  const definition = BY_CODE.get(code)
  if (!definition) return { known: false, code, ignorable: (code & IGNORABLE) !== 0 }
  const fields: Record<string, unknown> = {}
  const { names } = definition
  const count = Math.min(names.length, tuple.length - 2)
  for (let index = 0; index < count; index += 1) {
    fields[names[index] as string] = tuple[index + 2]
  }
  const problem = mismatch(definition.schema, fields)
  if (problem !== undefined) {
    throw new ProtocolError('INVALID_MESSAGE', { what: definition.kind, reason: problem })
  }
  fields['kind'] = definition.kind
  return { known: true, head: fields as unknown as Head }
}
