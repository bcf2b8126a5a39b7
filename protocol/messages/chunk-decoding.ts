/** How a chunk comes out of its bytes, for readers of streams and of journals. */
import { decodeUntrusted } from '../codec.ts'
import { mismatch } from '../schema.ts'
import { CHUNKS, chunkType, type StreamChunk } from './chunk.ts'

/** A chunk whose body has not been decoded yet. */
export interface RawChunk {
  readonly seq: number
  readonly time: number
  readonly turn: number
  readonly code: number
  readonly body: Uint8Array
}

/** A chunk that this version cannot read: a newer peer wrote it, or its body is not what its type says. */
export interface UnknownChunk {
  readonly type: 'unknown'
  readonly seq: number
  readonly time: number
  readonly turn: number
  /** The number of its type on the wire. */
  readonly code: number
  /** The decoded body; its bytes when they are no MessagePack. */
  readonly body: unknown
  /** What is wrong with it; empty when only its type is new. */
  readonly reason: string
}

export function decodeChunk(chunk: RawChunk): StreamChunk | UnknownChunk {
  const { seq, time, turn, code, body } = chunk
  let value: unknown
  try {
    value = decodeUntrusted(body)
  } catch (thrown) {
    return unknownChunk(chunk, body, thrown instanceof Error ? thrown.message : String(thrown))
  }
  const type = chunkType(code)
  if (type === undefined) return unknownChunk(chunk, value, '')
  const problem = mismatch(CHUNKS[type], value)
  if (problem !== undefined) return unknownChunk(chunk, value, `${type}: ${problem}`)
  // The decoded body is nobody else's: filling it in is several times faster than copying it.
  return Object.assign(value as object, { type, seq, time, turn }) as StreamChunk
}

function unknownChunk(chunk: RawChunk, body: unknown, reason: string): UnknownChunk {
  const { seq, time, turn, code } = chunk
  return { type: 'unknown', seq, time, turn, code, body, reason }
}

/** The chunk as programs are shown it: what every record has comes first, to be read by eye. */
export function inReadingOrder(chunk: StreamChunk | UnknownChunk): object {
  const { seq, time, turn, type, ...rest } = chunk
  return { seq, time, turn, type, ...rest }
}
