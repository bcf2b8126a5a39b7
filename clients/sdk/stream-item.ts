/** What a reader of a stream gets, and how it comes out of a chunk's bytes. */
import { decodeUntrusted } from '../../protocol/codec.ts'
import { CHUNKS, chunkType, type StreamChunk } from '../../protocol/messages/chunk.ts'
import { mismatch } from '../../protocol/schema.ts'
import type { Gap, RawChunk } from './reader.ts'

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

/** Gaps are told, never skipped silently. */
export type StreamItem = StreamChunk | Gap | UnknownChunk

export function toStreamItem(item: RawChunk | Gap): StreamItem {
  return 'type' in item ? item : decodeChunk(item)
}

function decodeChunk(chunk: RawChunk): StreamItem {
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
