/**
 * How one chunk and one small record lie on disk. Every record carries a checksum over its bytes and
 * over the place it belongs to, so that a record that landed under another key is noticed too.
 * Decoding never throws on damaged bytes.
 */
import { crc32 } from 'node:zlib'
import { Packr } from 'msgpackr'
import { ProtocolError } from '../../protocol/errors.ts'
import type { PageEntry } from '../../protocol/messages/page-writer.ts'
import { crc32OfDigits } from './crc32-digits.ts'
import type { StoredChunk, Table } from './journal.ts'
import { checkSequence } from './keys.ts'

/** Layout of a record. A newer layout gets a new number and the old one stays readable. */
const FORMAT_VERSION = 1

// Chunk: checksum u32 | version u8 | reserved u8 | type u16 | time f64 | turn u32 | body length u32 |
// producer sequence u48 | body. Big-endian.
const AT_VERSION = 4
const AT_TYPE = 6
const AT_TIME = 8
const AT_TURN = 16
const AT_LENGTH = 20
const AT_PRODUCER = 24
const CHUNK_HEADER = 30

/** Largest body, bytes: far above any chunk, far below what a length field or LMDB can hold. */
const MAX_BODY_BYTES = 256 * 1024 * 1024

// Small record: checksum u32 | version u8 | msgpack.
const SMALL_HEADER = 5

// Plain maps: no shared structures that a later reader would need.
const packr = new Packr({ useRecords: false })
/** Slower, and without a limit of 65,535 keys in a map. */
const largePackr = new Packr({ useRecords: false, variableMapSize: true })

/** `place` is the checksum of the place it belongs to. */
function checksum(record: Buffer, place: number): number {
  return crc32(record.subarray(AT_VERSION), place)
}

function isIntact(record: Buffer, headerBytes: number, place: number): boolean {
  return (
    record.length >= headerBytes &&
    record.readUInt32BE(0) === checksum(record, place) &&
    record[AT_VERSION] === FORMAT_VERSION
  )
}

const smallPlace = (table: string, key: string): number => crc32(`${table}\0${key}`)

/** Chunks come in runs of one session. */
let lastSession = ''
let lastSessionCrc = crc32('\0')

/** The checksum of `${session}\0${sequence}`. */
function chunkPlace(session: string, sequence: number): number {
  if (session !== lastSession) {
    lastSession = session
    lastSessionCrc = crc32(`${session}\0`)
  }
  return crc32OfDigits(sequence, lastSessionCrc)
}

function checkField(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    const reason = `${name} ${value} is not an integer from 0 to ${most}`
    throw new ProtocolError('INVALID_MESSAGE', { what: 'chunk', reason })
  }
}

/** Throws INVALID_MESSAGE when a field does not fit its place. Copies the body. */
export function encodeChunk(session: string, chunk: StoredChunk): Buffer {
  checkSequence('sequence', chunk.sequence, 1)
  checkSequence('producer sequence', chunk.producerSequence, 0)
  checkField('type', chunk.type, 0xffff)
  checkField('turn', chunk.turn, 0xffffffff)
  checkField('body length', chunk.body.length, MAX_BODY_BYTES)
  const record = Buffer.allocUnsafe(CHUNK_HEADER + chunk.body.length)
  record.writeUInt16BE(FORMAT_VERSION << 8, AT_VERSION)
  record.writeUInt16BE(chunk.type, AT_TYPE)
  record.writeDoubleBE(chunk.time, AT_TIME)
  record.writeUInt32BE(chunk.turn, AT_TURN)
  record.writeUInt32BE(chunk.body.length, AT_LENGTH)
  record.writeUIntBE(chunk.producerSequence, AT_PRODUCER, 6)
  record.set(chunk.body, CHUNK_HEADER)
  record.writeUInt32BE(checksum(record, chunkPlace(session, chunk.sequence)), 0)
  return record
}

/** Length of the body of a record; undefined when the record is damaged. */
export function bodyBytes(session: string, sequence: number, record: Buffer): number | undefined {
  if (!isIntact(record, CHUNK_HEADER, chunkPlace(session, sequence))) return undefined
  const bytes = record.length - CHUNK_HEADER
  return record.readUInt32BE(AT_LENGTH) === bytes ? bytes : undefined
}

/** An intact record as an entry of a page, without a copy. */
export function pageEntry(sequence: number, record: Buffer): PageEntry {
  return {
    sequence,
    time: record.readDoubleBE(AT_TIME),
    turn: record.readUInt32BE(AT_TURN),
    type: record.readUInt16BE(AT_TYPE),
    bytes: record,
    from: CHUNK_HEADER,
    to: record.length,
  }
}

/** The chunk, whose body shares the record's memory, or undefined when the record is damaged. */
export function decodeChunk(
  session: string,
  sequence: number,
  record: Buffer,
): StoredChunk | undefined {
  if (bodyBytes(session, sequence, record) === undefined) return undefined
  return {
    sequence,
    producerSequence: record.readUIntBE(AT_PRODUCER, 6),
    time: record.readDoubleBE(AT_TIME),
    turn: record.readUInt32BE(AT_TURN),
    type: record.readUInt16BE(AT_TYPE),
    body: record.subarray(CHUNK_HEADER),
  }
}

/** `table` names the place as well as the key. Throws INVALID_MESSAGE when msgpack cannot hold it. */
export function encodeSmall(table: Table | 'streams' | 'schema', key: string, value: unknown) {
  const body = pack(value)
  const record = Buffer.allocUnsafe(SMALL_HEADER + body.length)
  record[AT_VERSION] = FORMAT_VERSION
  record.set(body, SMALL_HEADER)
  record.writeUInt32BE(checksum(record, smallPlace(table, key)), 0)
  return record
}

function pack(value: unknown): Buffer {
  try {
    return packr.pack(value)
  } catch {
    return packLarge(value)
  }
}

function packLarge(value: unknown): Buffer {
  try {
    return largePackr.pack(value)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProtocolError('INVALID_MESSAGE', { what: 'journal value', reason }, { cause })
  }
}

/** The value in a box, since the value itself may be undefined; undefined when damaged. */
export function decodeSmall(
  table: Table | 'streams' | 'schema',
  key: string,
  record: Buffer,
): { readonly value: unknown } | undefined {
  if (!isIntact(record, SMALL_HEADER, smallPlace(table, key))) return undefined
  try {
    const value: unknown = packr.unpack(record.subarray(SMALL_HEADER))
    return { value }
  } catch {
    return undefined
  }
}
