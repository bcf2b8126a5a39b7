/** The two frames of a bundle, from bytes to heads (protocol/bundle.ts): what every byte of a peer passes first. */
import { isDeepStrictEqual } from 'node:util'
import {
  decodeBundle,
  encodeBundle,
  type Message,
  type Received,
} from '../../../protocol/bundle.ts'
import { decodeBody, decodeUntrusted, encode } from '../../../protocol/codec.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { ErrorBody } from '../../../protocol/messages/calls.ts'
import { headToTuple } from '../../../protocol/messages/index.ts'
import { BUNDLES, REFUSED, SAMPLES } from '../../conformance/golden.ts'
import type { Case } from '../case.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { harm } from '../mutate-value.ts'
import type { Random } from '../random.ts'
import { Shapes } from '../shapes.ts'
import { must, type Target } from '../target.ts'
import { encodeWildly } from '../wild-msgpack.ts'

/** Largest answer that a bad frame may cost, bytes: it quotes the peer, but not all of it. */
const MAX_COMPLAINT_BYTES = 4096

const GOLDEN: readonly Case[] = [
  ...Object.values(SAMPLES).map((sample) => framesOf([sample])),
  ...Object.values(BUNDLES).map(framesOf),
  ...REFUSED.map(({ frames }) => frames.map((frame) => Buffer.from(frame, 'hex'))),
]

type Decode = (frames: readonly Uint8Array[]) => Received[]

/** `decode` is what is tested, so that a test can see a defect in it found. */
export function bundleTarget(seed: number, decode: Decode = decodeBundle): Target {
  const shapes = new Shapes(seed)
  return {
    name: 'bundle',
    about: 'frames to heads: refused with BAD_FRAME or TOO_LARGE, or read as what they say',
    lifetime: 1000,
    generate: (random) => makeFrames(shapes, random),
    open: () => ({ run: (frames) => check(frames, decode) }),
  }
}

/** Frames of a peer: any bytes, damaged good ones, and such as a clever enemy would write. */
export function makeFrames(shapes: Shapes, random: Random): Case {
  const kind = random.below(10)
  if (kind === 0) return Array.from({ length: random.below(4) }, () => random.bytes(random.size()))
  if (kind <= 2) return damaged(random.pick(GOLDEN), random)
  const messages = Array.from({ length: 1 + random.size(12) }, () => shapes.anyMessage(random))
  if (kind <= 4) return damaged(framesOf(messages), random)
  return crafted(messages, random)
}

function framesOf(messages: readonly Message[]): Case {
  const { heads, bodies } = encodeBundle(messages)
  return [heads, bodies]
}

function damaged(frames: Case, random: Random): Case {
  const at = random.below(frames.length)
  if (random.chance(0.05)) return frames.toSpliced(at, random.below(2), random.bytes(4))
  return frames.map((frame, index) => (index === at ? mutateBytes(frame, random) : frame))
}

/** Tuples with wrong fields and lengths, written as no decent encoder would. */
function crafted(messages: readonly Message[], random: Random): Case {
  const good = messages.map(({ head, body }) => headToTuple(head, body.length))
  const tuples = random.chance(0.75) ? harmedFields(good, random) : harm(good, random)
  const oddity = random.pick([0, 0, 0, 0.005, 0.05, 0.2])
  const bodies = Buffer.concat(messages.map(({ body }) => body))
  const cut = random.chance(0.1) ? random.below(bodies.length + 1) : bodies.length
  return [encodeWildly(tuples, random, oddity), bodies.subarray(0, cut)]
}

/** Kinds and lengths stay right, so that the rest is looked at. */
function harmedFields(tuples: readonly unknown[][], random: Random): unknown[] {
  return tuples.map(([kind, length, ...fields]) => {
    const harmed = harm(fields, random)
    return [kind, length, ...(Array.isArray(harmed) ? harmed : [harmed])]
  })
}

function check(frames: Case, decode: Decode): void {
  let received: Received[]
  try {
    received = decode(frames)
  } catch (thrown) {
    checkRefusal(thrown, ['BAD_FRAME', 'TOO_LARGE'])
    return
  }
  for (const entry of received) {
    if (entry.ok) continue
    checkRefusal(entry.error, ['INVALID_MESSAGE', 'UNSUPPORTED'])
    must(entry.id.length <= 64, 'the id of a bad entry is longer than an id may be')
  }
  const messages = received.flatMap((entry) => (entry.ok ? [entry.message] : []))
  checkBytes(frames, messages)
  checkRewritten(messages, decode)
  must(Object.keys(Object.prototype).length === 0, 'a key reached the prototype of all objects')
}

/** It must be one that can be told to its sender, without giving all of his bytes back to him. */
export function checkRefusal(thrown: unknown, codes: readonly string[]): void {
  if (!(thrown instanceof ProtocolError)) throw thrown
  must(codes.includes(thrown.code), () => `refused with ${thrown.code}: ${thrown.message}`)
  const body = encode(thrown.toWire())
  must(body.length <= MAX_COMPLAINT_BYTES, () => `a complaint of ${body.length} bytes`)
  decodeBody(ErrorBody, body)
}

function checkBytes([, bodies]: Case, messages: readonly Message[]): void {
  const bytes = messages.reduce((sum, { body }) => sum + body.length, 0)
  must(bytes <= (bodies?.length ?? 0), 'the bodies have more bytes than their frame')
}

/** What was understood means the same when this program writes it down again. */
function checkRewritten(messages: readonly Message[], decode: Decode): void {
  const again = decode(framesOf(messages))
  must(again.length === messages.length, 'not all messages survive being written again')
  for (const [index, entry] of again.entries()) {
    const before = messages[index]
    must(entry.ok, () => `${before?.head.kind} cannot be read once it is written again`)
    const isSame = isDeepStrictEqual(normal(entry.message.head), normal(before?.head))
    must(isSame, () => `${before?.head.kind} is another one when it is written again`)
  }
}

/** -0 is written as 0, and half a surrogate as the character for what cannot be shown. */
function normal(head: unknown): unknown {
  return decodeUntrusted(encode(head))
}
