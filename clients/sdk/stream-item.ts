/** What a reader of a stream gets: chunks, and the gaps between them. */
import type { StreamChunk } from '../../protocol/messages/chunk.ts'
import {
  decodeChunk,
  type RawChunk,
  type UnknownChunk,
} from '../../protocol/messages/chunk-decoding.ts'
import type { Gap } from './reader.ts'

export type { UnknownChunk }

/** Gaps are told, never skipped silently. */
export type StreamItem = StreamChunk | Gap | UnknownChunk

export function toStreamItem(item: RawChunk | Gap): StreamItem {
  return 'type' in item ? item : decodeChunk(item)
}
