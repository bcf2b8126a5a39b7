/** What lies on the disk (broker/journal): no damaged byte makes a reader of it throw, or believe it. */
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import type { JournalOperation, StoredChunk } from '../../../broker/journal/journal.ts'
import { parseChunkKey } from '../../../broker/journal/keys.ts'
import { encodeOperation, sizeOf } from '../../../broker/journal/operations.ts'
import {
  decodeChunk,
  decodeSmall,
  encodeChunk,
  encodeSmall,
} from '../../../broker/journal/record.ts'
import { readBounds } from '../../../broker/journal/streams.ts'
import { decodeTrusted, encode } from '../../../protocol/codec.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { harm, mutateValue, oddValue } from '../mutate-value.ts'
import type { Random } from '../random.ts'
import { must, type Target } from '../target.ts'
import { encodeWildly } from '../wild-msgpack.ts'

const SESSION = '0b7c1d52-6a52-4f0e-9a53-0c5a8b1f2d3e'
const KEY = 'a key'

const CHUNK: StoredChunk = {
  sequence: 7,
  producerSequence: 5,
  time: 1_760_000_000_123,
  turn: 2,
  type: 2,
  body: encode({ content: 'hello' }),
}
const VALUE = {
  session: SESSION,
  turn: 3,
  open: [{ turn: 3, sequence: 9 }],
  metadata: { a: [1.5] },
}

/** What a piece is: its first byte. */
const CHUNK_RECORD = 0
const SMALL_RECORD = 1
/** A small record whose checksum is right: MessagePack of another writer. */
const SEALED_RECORD = 2
const CHUNK_KEY = 3
const KINDS = 5 // the last: an operation

/** Pieces: what it is (1 byte), and its bytes; each is looked at for itself. */
export function journalTarget(): Target {
  return {
    name: 'journal',
    about: 'records, keys and operations of the journal: damage is seen, and throws nothing',
    lifetime: 1000,
    generate: (random) => [generate(random)],
    open: () => ({ run: (pieces) => pieces.forEach(check) }),
  }
}

function generate(random: Random): Buffer {
  const what = random.below(KINDS)
  return Buffer.concat([Buffer.of(what), bytesFor(what, random)])
}

function bytesFor(what: number, random: Random): Buffer {
  if (random.chance(0.05)) return random.bytes(random.size(200))
  if (what === CHUNK_RECORD) return mutateBytes(encodeChunk(SESSION, CHUNK), random, 3)
  if (what === SMALL_RECORD) return mutateBytes(encodeSmall('sessions', KEY, VALUE), random, 3)
  if (what === SEALED_RECORD) return encodeWildly(mutateValue(VALUE, random), random, 0.1)
  if (what === CHUNK_KEY)
    return mutateBytes(Buffer.from(`${SESSION}\0\0\0\0\0\0\0\0\0\0\x07`), random)
  return encodeWildly(operation(random), random, 0)
}

function operation(random: Random): unknown {
  const kinds: readonly unknown[] = [
    { op: 'append', session: SESSION, chunk: CHUNK },
    { op: 'put', table: 'sessions', key: KEY, value: VALUE },
    { op: 'delete', table: 'state', key: KEY },
    { op: 'drop', session: SESSION },
    { op: 'trim', session: SESSION, before: 9 },
  ]
  const value = harm(random.pick(kinds), random)
  return random.chance(0.02) ? { ...(value as object), value: oddValue(random) } : value
}

/** By the first byte of a piece. */
const CHECKS: readonly ((bytes: Buffer) => void)[] = [
  checkChunk,
  checkSmall,
  checkSealed,
  checkKey,
  checkOperation,
]

function check(piece: Buffer): void {
  CHECKS[piece[0] ?? 0]?.(piece.subarray(1))
}

function checkChunk(record: Buffer): void {
  const found = decodeChunk(SESSION, CHUNK.sequence, record)
  must(!found || isDeepStrictEqual(found, CHUNK), 'a damaged chunk is taken for a whole one')
  must(!decodeChunk(SESSION, 8, record), 'a chunk is taken for another one')
}

function checkSmall(record: Buffer): void {
  const found = decodeSmall('sessions', KEY, record)
  must(!found || isDeepStrictEqual(found.value, VALUE), 'a damaged record is taken for a whole one')
  must(!decodeSmall('tasks', KEY, record), 'a record is taken for that of another table')
}

function checkSealed(body: Buffer): void {
  decodeSmall('sessions', KEY, sealed(body))
  readBounds(decodeSmall('streams', KEY, sealed(body))?.value)
}

/** As encodeSmall writes it. */
function sealed(body: Buffer): Buffer {
  const record = Buffer.concat([Buffer.of(0, 0, 0, 0, 1), body])
  record.writeUInt32BE(crc32(record.subarray(4), crc32(`sessions\0${KEY}`)), 0)
  return record
}

function checkKey(key: Buffer): void {
  const place = parseChunkKey(key)
  must(!place || /^[!-~]+$/.test(place.session), 'a key names a session that there cannot be')
}

/** It is refused with a code, or can be stored and read again. */
function checkOperation(bytes: Buffer): void {
  let given: JournalOperation
  try {
    given = decodeTrusted(bytes) as JournalOperation
  } catch {
    return
  }
  if (!isOperation(given)) return
  try {
    const encoded = encodeOperation(given)
    must(sizeOf(encoded) >= 0, 'an operation has no size')
    if (encoded.op !== 'append' || given.op !== 'append') return
    const again = decodeChunk(given.session, encoded.sequence, encoded.record)
    must(again !== undefined, 'a chunk cannot be read once it is stored')
  } catch (thrown) {
    must(thrown instanceof ProtocolError && thrown.code === 'INVALID_MESSAGE', String(thrown))
  }
}

/** The broker makes operations itself: their shape is right, whatever their values are. */
function isOperation(given: JournalOperation): boolean {
  if (typeof given !== 'object' || given === null) return false
  const { op, session, chunk, key } = given as unknown as Readonly<Record<string, unknown>>
  if (op === 'append') return typeof session === 'string' && isChunk(chunk)
  if (op === 'put' || op === 'delete') return typeof key === 'string'
  return (op === 'drop' || op === 'trim') && typeof session === 'string'
}

function isChunk(chunk: unknown): boolean {
  if (typeof chunk !== 'object' || chunk === null) return false
  const { body, time, ...numbers } = chunk as Readonly<Record<string, unknown>>
  const { sequence, producerSequence, turn, type } = numbers
  const all = [sequence, producerSequence, turn, type, time]
  return Buffer.isBuffer(body) && all.every((value) => typeof value === 'number')
}
