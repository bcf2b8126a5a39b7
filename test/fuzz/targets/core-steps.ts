/** Makes steps for core-scene.ts: what a peer sends, what a host answers, time that passes, a full disk. */

import { encode } from '../../../protocol/codec.ts'
import { CHUNK_CODES, CHUNKS, type ChunkType } from '../../../protocol/messages/chunk.ts'
import { headToTuple } from '../../../protocol/messages/index.ts'
import { METHODS, type MethodName } from '../../../protocol/methods/index.ts'
import type { TSchema } from '../../../protocol/typebox.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { harm, isRecord } from '../mutate-value.ts'
import { KEYS, STRINGS } from '../nasty.ts'
import type { Random } from '../random.ts'
import type { Shapes } from '../shapes.ts'
import { encodeWildly } from '../wild-msgpack.ts'
import { makeFrames } from './bundle.ts'
import { goodRequest } from './core-requests.ts'

/** What a step does; the first byte of its piece. */
export const STEP = {
  /** Who (1 byte), length of the heads frame (2 bytes), heads, bodies. */
  frames: 0,
  /** Chunk of the hostile host in its right place: session, type, turn (1 byte each), body. */
  append: 1,
  /** The oldest request to the hostile host is answered: REPLY or ERROR (1 byte), body. */
  answer: 2,
  /** The hostile host does its work again as it should. */
  behave: 3,
  /** Tenths of a second (2 bytes). */
  time: 4,
  /** Who (1 byte) loses its connection, and makes another. */
  reconnect: 5,
  /** Whether the disk is full (1 byte), until the end of the case. */
  disk: 6,
} as const

/** Peers, by number: those with a connection of their own, one that never said HELLO, the host. */
export const PEERS = ['local', 'operator', 'observer', 'gateway', 'stranger', 'host'] as const
export const HOST_PEER = PEERS.indexOf('host')
/** Those with many rights more often: the others are refused nearly everything. */
const SENDERS = [0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, HOST_PEER, HOST_PEER]

/** Names of things that exist in the scene, by the fields that refer to such. */
export type Names = Readonly<Record<string, readonly unknown[]>>

const ALL_METHODS = Object.keys(METHODS) as readonly MethodName[]
const BROKER_METHODS = ALL_METHODS.filter((name) => METHODS[name].answeredBy === 'broker')
const HOST_METHODS = ALL_METHODS.filter((name) => METHODS[name].answeredBy === 'host')
const CHUNK_TYPES = Object.keys(CHUNKS) as readonly ChunkType[]

export function makeStep(shapes: Shapes, names: Names, random: Random): Buffer {
  const kind = random.below(20)
  if (kind === 0) return Buffer.of(STEP.behave)
  if (kind === 1)
    return Buffer.of(STEP.time, random.chance(0.3) ? random.below(4) : 0, random.below(20))
  if (kind === 2) return Buffer.of(STEP.reconnect, random.below(PEERS.length))
  if (kind === 3) return Buffer.of(STEP.disk, random.below(2))
  if (kind <= 6) return appendStep(shapes, names, random)
  if (kind <= 8) return answerStep(shapes, names, random)
  return framesStep(shapes, names, random)
}

function framesStep(shapes: Shapes, names: Names, random: Random): Buffer {
  const peer = random.pick(SENDERS)
  const [heads = Buffer.alloc(0), bodies = Buffer.alloc(0)] = random.chance(0.05)
    ? makeFrames(shapes, random)
    : requestFrames(shapes, names, random)
  const start = Buffer.of(STEP.frames, peer, 0, 0)
  start.writeUInt16BE(Math.min(0xffff, heads.length), 2)
  return Buffer.concat([start, heads, bodies])
}

export function requestFrames(shapes: Shapes, names: Names, random: Random): [Buffer, Buffer] {
  const messages = Array.from({ length: 1 + random.size(5) }, () => tuple(shapes, names, random))
  const tuples = messages.map(([head]) => head)
  const heads = random.chance(0.1) ? harm(tuples, random) : tuples
  const oddity = random.pick([0, 0, 0, 0.01])
  return [encodeWildly(heads, random, oddity), Buffer.concat(messages.map(([, body]) => body))]
}

type Tuple = readonly [head: unknown, body: Buffer]

function tuple(shapes: Shapes, names: Names, random: Random): Tuple {
  if (random.chance(0.15)) return anyMessage(shapes, names, random)
  const { method, body } = request(shapes, names, random)
  const head = {
    kind: 'REQUEST',
    id: random.chance(0.97) ? `r${random.uint32()}` : random.pick(['', '1', ...KEYS]),
    method: random.chance(0.99) ? method : `${method}${random.pick(STRINGS)}`,
    target: random.chance(0.9) ? '' : random.pick(STRINGS),
    remaining_ms: random.pick([0, 0, 1, 500, 30_000, 2 ** 31, 2 ** 53 - 1]),
    key: random.chance(0.6) ? '' : random.pick(['k1', 'k2', 'k3', ...STRINGS]),
    trace: '',
  } as const
  return [headToTuple(head, body.length), body]
}

function request(shapes: Shapes, names: Names, random: Random) {
  if (random.chance(0.25)) {
    const { method, params } = goodRequest(names, random)
    return { method, body: encode(random.chance(0.7) ? params : harm(params, random)) }
  }
  const method = random.pick(random.chance(0.95) ? BROKER_METHODS : ALL_METHODS)
  return { method, body: bodyOf(METHODS[method].params, shapes, names, random) }
}

function anyMessage(shapes: Shapes, names: Names, random: Random): Tuple {
  const { head, body } = shapes.anyMessage(random)
  return [headToTuple(ground({ ...head }, names, random) as typeof head, body.length), body]
}

/** A body for a schema: about things that exist, more or less damaged. */
function bodyOf(schema: TSchema, shapes: Shapes, names: Names, random: Random): Buffer {
  const good = ground(shapes.value(schema, random), names, random)
  const value = random.chance(0.5) ? good : harm(good, random)
  const kind = random.below(10)
  if (kind === 0) return encodeWildly(value, random, 0.05)
  if (kind === 1) return mutateBytes(encodeWildly(value, random, 0), random, 2)
  return encode(value)
}

/** The same value with references to what exists, at any depth. */
function ground(value: unknown, names: Names, random: Random): unknown {
  if (Array.isArray(value)) return value.map((item) => ground(item, names, random))
  if (!isRecord(value)) return value
  const entries = Object.entries(value).map(([key, member]) => {
    const known = Object.hasOwn(names, key) ? names[key] : undefined
    if (!known || random.chance(0.1)) return [key, ground(member, names, random)] as const
    return [key, Array.isArray(member) ? [random.pick(known)] : random.pick(known)] as const
  })
  return Object.fromEntries(entries)
}

function appendStep(shapes: Shapes, names: Names, random: Random): Buffer {
  const type = random.pick(CHUNK_TYPES)
  const code = random.chance(0.97) ? CHUNK_CODES[type] : random.below(256)
  const start = Buffer.of(STEP.append, random.below(4), code, random.below(4))
  return Buffer.concat([start, bodyOf(CHUNKS[type], shapes, names, random)])
}

/** To whatever it was asked: what it may answer to any method in one, which fits each of them. */
function answerStep(shapes: Shapes, names: Names, random: Random): Buffer {
  const start = Buffer.of(STEP.answer, random.below(2))
  if (random.chance(0.4)) {
    return Buffer.concat([
      start,
      bodyOf(METHODS[random.pick(HOST_METHODS)].result, shapes, names, random),
    ])
  }
  const results = HOST_METHODS.map((method) => shapes.value(METHODS[method].result, random))
  return Buffer.concat([start, encode(Object.assign({}, ...results))])
}
