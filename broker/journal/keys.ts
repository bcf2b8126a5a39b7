/**
 * Keys of the LMDB journal: bytes that sort in the order in which they are read. Does not know what
 * is stored under them.
 */
import { ProtocolError } from '../../protocol/errors.ts'

/** Six bytes count to 2.8e14: at a million chunks a second, nine years for one session. */
const SEQUENCE_BYTES = 6
const GENERATION_BYTES = 4
/** One less than fits, so that the end of a range, which lies one behind it, fits too. */
export const MAX_SEQUENCE = 2 ** (8 * SEQUENCE_BYTES) - 2

/** Longest session id; ids are short and this keeps a key far below LMDB's 1,978 bytes. */
const MAX_SESSION_LENGTH = 128
/** Longest key of a table, bytes of UTF-8; promised by journal.ts. */
export const MAX_TABLE_KEY_BYTES = 500

const PRINTABLE_ASCII = /^[\x21-\x7e]+$/

function invalid(reason: string): ProtocolError {
  return new ProtocolError('INVALID_MESSAGE', { what: 'journal operation', reason })
}

/** Throws INVALID_MESSAGE when the id cannot be a key: a zero byte inside would break the order. */
export function checkSession(session: string): void {
  if (session.length > MAX_SESSION_LENGTH || !PRINTABLE_ASCII.test(session)) {
    throw invalid(`a session id is 1 to ${MAX_SESSION_LENGTH} printable ASCII characters`)
  }
}

/** Throws INVALID_MESSAGE when the number does not fit in a key or in a record. */
export function checkSequence(name: string, sequence: number, least: number): void {
  if (!Number.isInteger(sequence) || sequence < least || sequence > MAX_SEQUENCE) {
    throw invalid(`${name} ${sequence} is not an integer from ${least} to 2^48 - 2`)
  }
}

/** The key of a small record. Throws INVALID_MESSAGE when it is empty or too long. */
export function tableKey(key: string): Buffer {
  const bytes = Buffer.from(key, 'utf8')
  if (bytes.length === 0 || bytes.length > MAX_TABLE_KEY_BYTES) {
    throw invalid(`a table key is 1 to ${MAX_TABLE_KEY_BYTES} bytes, not ${bytes.length}`)
  }
  return bytes
}

/**
 * Session, a zero byte, generation, sequence, both big-endian: the chunks of one session lie together
 * in reading order, and "a" never mixes with "ab". The generation counts how often the session was
 * dropped (streams.ts).
 */
export function chunkKey(session: string, generation: number, sequence: number): Buffer {
  const key = Buffer.allocUnsafe(session.length + 1 + GENERATION_BYTES + SEQUENCE_BYTES)
  const end = key.write(session, 'latin1')
  key[end] = 0
  key.writeUInt32BE(generation, end + 1)
  key.writeUIntBE(sequence, end + 1 + GENERATION_BYTES, SEQUENCE_BYTES)
  return key
}

/** The sequence in a key that `chunkKey` made. */
export function sequenceOf(key: Buffer): number {
  return key.readUIntBE(key.length - SEQUENCE_BYTES, SEQUENCE_BYTES)
}

export interface ChunkPlace {
  readonly session: string
  readonly generation: number
  readonly sequence: number
}

/** What `chunkKey` put into the key; undefined for a key that it cannot have made. */
export function parseChunkKey(key: Buffer): ChunkPlace | undefined {
  const end = key.indexOf(0)
  if (end < 1 || key.length !== end + 1 + GENERATION_BYTES + SEQUENCE_BYTES) return undefined
  const session = key.toString('latin1', 0, end)
  if (!PRINTABLE_ASCII.test(session)) return undefined
  return { session, generation: key.readUInt32BE(end + 1), sequence: sequenceOf(key) }
}

/** Behind all chunks of the session, whatever their generation. */
export function behindSession(session: string): Buffer {
  return Buffer.from(`${session}\x01`, 'latin1')
}
