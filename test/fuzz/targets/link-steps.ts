/** Steps of the link targets: what the other side sends, what its owner does, and how they are made. */
import type { Message } from '../../../protocol/bundle.ts'
import { encodeBundle } from '../../../protocol/bundle.ts'
import { encode } from '../../../protocol/codec.ts'
import { MESSAGES, type MessageKind } from '../../../protocol/messages/index.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { harm } from '../mutate-value.ts'
import type { Random } from '../random.ts'
import type { Shapes } from '../shapes.ts'
import { encodeWildly } from '../wild-msgpack.ts'
import { makeFrames } from './bundle.ts'

export type Frames = readonly [heads: Buffer, bodies: Buffer]

/** A step whose first byte says that it is frames of the other side. */
export const FRAMES = 0

/** Kind of step (1 byte), length of the heads frame (2 bytes), heads, bodies. */
export function framesPiece([
  heads = Buffer.alloc(0),
  bodies = Buffer.alloc(0),
]: readonly Buffer[]) {
  const start = Buffer.of(FRAMES, 0, 0)
  start.writeUInt16BE(Math.min(0xffff, heads.length), 1)
  return Buffer.concat([start, heads, bodies])
}

export function framesIn(piece: Buffer): Frames {
  if (piece.length < 3) return [Buffer.alloc(0), Buffer.alloc(0)]
  const length = piece.readUInt16BE(1)
  return [piece.subarray(3, 3 + length), piece.subarray(3 + length)]
}

/** One bundle of messages of these kinds: as they should be, with damaged bodies, or with damaged frames. */
export function bundlePiece(kinds: readonly MessageKind[], shapes: Shapes, random: Random): Buffer {
  if (random.chance(0.1)) return framesPiece(makeFrames(shapes, random))
  const count = 1 + random.size(4)
  const messages = Array.from({ length: count }, () =>
    messageOf(random.pick(kinds), shapes, random),
  )
  const [heads, bodies] = framesOf(messages)
  if (random.chance(0.9)) return framesPiece([heads, bodies])
  return framesPiece([mutateBytes(heads, random, 2), bodies])
}

export function framesOf(messages: readonly Message[]): Frames {
  const { heads, bodies } = encodeBundle(messages)
  return [heads, bodies]
}

function messageOf(kind: MessageKind, shapes: Shapes, random: Random): Message {
  const { head, body } = shapes.message(kind, random)
  const schema = MESSAGES[kind].body
  if (typeof schema === 'string' || random.chance(0.6)) return { head, body }
  const value = harm(shapes.value(schema, random), random)
  return { head, body: random.chance(0.8) ? encode(value) : encodeWildly(value, random, 0.05) }
}
