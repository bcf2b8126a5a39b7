/**
 * MessagePack from outside (protocol/codec.ts, msgpack-scan.ts): what passes the scan is decoded, within
 * bounds, and means what an independent reader of the format says that it means.
 */

import {
  Extension,
  Float,
  readWire,
  type Wire,
  WireMap,
} from '../../../clients/shim/rep/wire-values.ts'
import { decodeBody, decodeUntrusted } from '../../../protocol/codec.ts'
import { WIRE_LIMITS } from '../../../protocol/limits.ts'
import { CHUNK_CODES, CHUNKS } from '../../../protocol/messages/chunk.ts'
import { decodeChunk } from '../../../protocol/messages/chunk-decoding.ts'
import { MESSAGES } from '../../../protocol/messages/index.ts'
import { METHODS } from '../../../protocol/methods/index.ts'
import { scanMsgpack } from '../../../protocol/msgpack-scan.ts'
import type { TSchema } from '../../../protocol/typebox.ts'
import type { Case } from '../case.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { harm, oddValue } from '../mutate-value.ts'
import type { Random } from '../random.ts'
import { Shapes } from '../shapes.ts'
import { must, type Target } from '../target.ts'
import { encodeWildly } from '../wild-msgpack.ts'
import { checkRefusal } from './bundle.ts'

const SCHEMAS: readonly TSchema[] = [
  ...Object.values(MESSAGES).flatMap(({ body }) => (typeof body === 'string' ? [] : [body])),
  ...Object.values(CHUNKS),
  ...Object.values(METHODS).flatMap(({ params, result }) => [params, result]),
]
const CHUNK_NUMBERS = Object.values(CHUNK_CODES)

/** Pieces: the number of a schema, and bytes. */
export function codecTarget(seed: number): Target {
  const shapes = new Shapes(seed)
  return {
    name: 'codec',
    about:
      'bodies of every message, method and chunk: refused with a code, or what the format says',
    lifetime: 1000,
    generate: (random) => generate(shapes, random),
    open: () => ({ run: ([which, bytes]) => check(which?.[0] ?? 0, bytes ?? Buffer.alloc(0)) }),
  }
}

function generate(shapes: Shapes, random: Random): Case {
  const index = random.below(SCHEMAS.length)
  return [Buffer.of(index), bytesFor(SCHEMAS[index] as TSchema, shapes, random)]
}

function bytesFor(schema: TSchema, shapes: Shapes, random: Random): Buffer {
  const kind = random.below(8)
  if (kind === 0) return random.bytes(random.size())
  const value = kind === 1 ? oddValue(random) : harm(shapes.value(schema, random), random)
  const bytes = encodeWildly(value, random, random.pick([0, 0.01, 0.1, 0.4]))
  return kind <= 3 ? mutateBytes(bytes, random, 2) : bytes
}

function check(index: number, bytes: Buffer): void {
  const schema = SCHEMAS[index % SCHEMAS.length] as TSchema
  const problem = scanMsgpack(bytes, WIRE_LIMITS.maxDepth, WIRE_LIMITS.maxValues)
  const value = outcomeOf(() => decodeUntrusted(bytes))
  must(problem === undefined || value === REFUSED, 'what the scan refuses was decoded')
  if (value !== REFUSED) checkMeaning(value, bytes)
  outcomeOf(() => decodeBody(schema, bytes))
  checkChunk(index, bytes)
  must(Object.keys(Object.prototype).length === 0, 'a key reached the prototype of all objects')
}

const REFUSED = Symbol('refused')

function outcomeOf(decode: () => unknown): unknown {
  try {
    return decode()
  } catch (thrown) {
    checkRefusal(thrown, ['INVALID_MESSAGE'])
    return REFUSED
  }
}

/** Readers show what they cannot read as unknown; they never fail. */
function checkChunk(index: number, body: Buffer): void {
  const code = CHUNK_NUMBERS[index % CHUNK_NUMBERS.length] ?? 0
  const chunk = decodeChunk({ seq: 5, time: 6, turn: 7, code, body })
  const isPlaced = chunk.seq === 5 && chunk.time === 6 && chunk.turn === 7
  must(isPlaced, 'a body changed the place of its chunk')
}

function checkMeaning(value: unknown, bytes: Buffer): void {
  let wire: Wire
  try {
    wire = readWire(bytes)
  } catch (thrown) {
    const { message } = thrown as Error
    must(/UTF-8|more than/.test(message), () => `decoded, but: ${message}`)
    return
  }
  must(isSame(value, wire), 'it was decoded to something else than it says')
}

function isSame(value: unknown, wire: Wire): boolean {
  if (wire instanceof Float) return isFloat(value, wire.value)
  if (wire instanceof WireMap) return isSameMap(value, wire)
  if (wire instanceof Uint8Array) return Buffer.isBuffer(value) && value.equals(wire)
  if (wire instanceof Extension) return false
  if (typeof wire === 'bigint') return value === Number(wire)
  if (!Array.isArray(wire)) return value === wire
  const items = wire as readonly Wire[]
  return (
    Array.isArray(value) &&
    value.length === items.length &&
    items.every((item, index) => isSame(value[index], item))
  )
}

function isFloat(value: unknown, float: number): boolean {
  // msgpackr rounds a float of 32 bits to the decimals that it can hold.
  return Object.is(value, float) || Math.abs(Number(value) - float) <= Math.abs(float) * 1e-6
}

function isSameMap(value: unknown, { entries }: WireMap): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const last = new Map(entries.map(([key, item]) => [keyOf(key), item]))
  const members = new Map(Object.entries(value))
  if (members.size !== last.size) return false
  return [...last].every(([key, item]) => members.has(key) && isSame(members.get(key), item))
}

/** As msgpackr makes names of keys: those of arrays and maps it refuses. */
function keyOf(key: Wire): string {
  if (key === '__proto__') return '__proto_'
  if (key instanceof Float) return `${key.value}`
  if (typeof key === 'bigint') return `${Number(key)}`
  if (key instanceof Uint8Array) return Buffer.from(key).toString()
  return typeof key === 'object' && key !== null ? '' : `${key}`
}
