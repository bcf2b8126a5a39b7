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

function decodeChunk({ seq, time, turn, code, body }: RawChunk): StreamItem {
  const place = { seq, time, turn }
  const unknown = (value: unknown, reason: string): UnknownChunk => ({
    type: 'unknown',
    ...place,
    code,
    body: value,
    reason,
  })
  let value: unknown
  try {
    value = decodeUntrusted(body)
  } catch (thrown) {
    return unknown(body, thrown instanceof Error ? thrown.message : String(thrown))
  }
  const type = chunkType(code)
  if (type === undefined) return unknown(value, '')
  const problem = mismatch(CHUNKS[type], value)
  if (problem !== undefined) return unknown(value, `${type}: ${problem}`)
  return { ...(value as object), type, ...place } as StreamChunk
}
