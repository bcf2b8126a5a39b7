/**
 * A ZeroMQ message is a bundle of two frames: heads (a msgpack array of head tuples) and bodies (the
 * bodies, concatenated). docs/protocol.md section 1. Only the link layer knows that bundles exist.
 */
import { decodeUntrusted, EMPTY, encode } from './codec.ts'
import { ProtocolError } from './errors.ts'
import {
  BUNDLE_TARGET_BYTES,
  BUNDLE_TARGET_MESSAGES,
  WIRE_LIMITS,
  type WireLimits,
} from './limits.ts'
import { type Head, headToTuple, tupleToHead } from './messages/index.ts'

export interface Message {
  readonly head: Head
  readonly body: Buffer
}

export interface Bundle {
  readonly heads: Buffer
  readonly bodies: Buffer
}

/** One entry of a received bundle. A bad entry says so without spoiling its neighbours. */
export type Received =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly id: string; readonly error: ProtocolError }

export function encodeBundle(messages: readonly Message[]): Bundle {
  const tuples = messages.map(({ head, body }) => headToTuple(head, body.length))
  return { heads: encode(tuples), bodies: joinBodies(messages) }
}

/**
 * Cuts what would be too long for one bundle into several, in order. Heads stay far below their limit,
 * because those of streams have at most 200 bytes.
 */
export function* bundlesOf(messages: readonly Message[]): Generator<readonly Message[]> {
  let start = 0
  let bytes = 0
  for (const [index, { body }] of messages.entries()) {
    bytes += body.length
    const isOver = bytes > BUNDLE_TARGET_BYTES || index - start >= BUNDLE_TARGET_MESSAGES
    if (index === start || !isOver) continue
    yield messages.slice(start, index)
    start = index
    bytes = body.length
  }
  if (start < messages.length) yield start === 0 ? messages : messages.slice(start)
}

function joinBodies(messages: readonly Message[]): Buffer {
  if (messages.length === 1) return messages[0]?.body ?? EMPTY
  const bodies = messages.map(({ body }) => body).filter((body) => body.length > 0)
  if (bodies.length === 0) return EMPTY
  return bodies.length === 1 ? (bodies[0] ?? EMPTY) : Buffer.concat(bodies)
}

/**
 * Reads the frames of one ZeroMQ message (without the connection id or topic). Throws BAD_FRAME or
 * TOO_LARGE when the bundle as a whole cannot be read; unknown ignorable kinds are left out.
 */
export function decodeBundle(
  frames: readonly Uint8Array[],
  limits: WireLimits = WIRE_LIMITS,
): Received[] {
  const [heads, bodies] = frames
  if (!heads || !bodies || frames.length !== 2) {
    throw new ProtocolError('BAD_FRAME', { reason: `expected 2 frames, got ${frames.length}` })
  }
  checkSize('heads frame', heads.length, limits.maxHeadsBytes)
  checkSize('bodies frame', bodies.length, limits.maxBodiesBytes)
  const tuples = decodeUntrusted(heads, 'BAD_FRAME', {})
  if (!Array.isArray(tuples)) throw new ProtocolError('BAD_FRAME', { reason: 'heads are no array' })
  checkSize('bundle', tuples.length, limits.maxMessages)
  return split(tuples, Buffer.from(bodies.buffer, bodies.byteOffset, bodies.length), limits)
}

function checkSize(what: string, size: number, limit: number): void {
  if (size > limit) throw new ProtocolError('TOO_LARGE', { what, size, limit })
}

function split(
  tuples: readonly unknown[],
  bodies: Buffer,
  { maxBadHeads }: WireLimits,
): Received[] {
  const received: Received[] = []
  let bad = 0
  let at = 0
  for (const tuple of tuples) {
    const length = bodyLength(tuple)
    if (at + length > bodies.length) {
      throw new ProtocolError('BAD_FRAME', {
        reason: 'heads name more bytes than the bodies frame has',
      })
    }
    const entry = readEntry(tuple as readonly unknown[], bodies.subarray(at, at + length))
    if (entry) received.push(entry)
    if (entry?.ok === false) bad += 1
    if (bad > maxBadHeads) {
      const reason = `more than ${maxBadHeads} of its heads cannot be used`
      throw new ProtocolError('BAD_FRAME', { reason })
    }
    at += length
  }
  if (at !== bodies.length) {
    throw new ProtocolError('BAD_FRAME', {
      reason: 'the bodies frame has bytes that no head names',
    })
  }
  return received
}

function bodyLength(tuple: unknown): number {
  if (!Array.isArray(tuple) || !isCount(tuple[0]) || !isCount(tuple[1])) {
    throw new ProtocolError('BAD_FRAME', { reason: 'a head is not [kind, length, …]' })
  }
  return tuple[1]
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function readEntry(tuple: readonly unknown[], body: Buffer): Received | undefined {
  const id = typeof tuple[2] === 'string' ? tuple[2].slice(0, 64) : ''
  try {
    const parsed = tupleToHead(tuple)
    if (parsed.known) return { ok: true, message: { head: parsed.head, body } }
    if (parsed.ignorable) return undefined
    return { ok: false, id, error: new ProtocolError('UNSUPPORTED', { kind: parsed.code }) }
  } catch (thrown) {
    return { ok: false, id, error: ProtocolError.from(thrown, 'broker', 'no') }
  }
}
