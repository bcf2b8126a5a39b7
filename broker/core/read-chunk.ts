/**
 * The bodies of chunks that the broker has to look into. Hosts write them and the broker stores them
 * unread, so it shows only here whether one is what its type says.
 */
import { decodeBody } from '../../protocol/codec.ts'
import { CHUNKS, type ChunkBody, type ChunkType } from '../../protocol/messages/chunk.ts'

/** Undefined when it is not what its type says. */
export function readChunk<T extends ChunkType>(type: T, body: Buffer): ChunkBody<T> | undefined {
  try {
    return decodeBody(CHUNKS[type], body) as ChunkBody<T>
  } catch {
    return undefined
  }
}
