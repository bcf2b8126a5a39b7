/** MessagePack bodies: encoding, and decoding that survives any bytes. */
import { Packr } from 'msgpackr'
import { type ErrorCode, type ErrorDetails, ProtocolError } from './errors.ts'
import { WIRE_LIMITS } from './limits.ts'
import { scanMsgpack } from './msgpack-scan.ts'
import { checked } from './schema.ts'
import type { Static, TSchema } from './typebox.ts'

// Plain maps, so that any MessagePack library can read them; 64-bit integers of other libraries
// arrive as numbers, exact up to 2^53.
const OPTIONS = {
  useRecords: false,
  encodeUndefinedAsNil: true,
  int64AsType: 'number',
  moreTypes: false,
} as const
const packr = new Packr(OPTIONS)
/** Slower, and without a limit of 65,535 keys in a map. */
const largePackr = new Packr({ ...OPTIONS, variableMapSize: true })

/**
 * msgpackr writes one value behind the other into a slab, of which all that it gives are parts, and a slab is as
 * long as the longest value ever was. Whoever kept a small answer would keep half a megabyte.
 */
const SLAB_BYTES = 8192
/** A slab longer than this is used for one value. */
export const MAX_SLAB_BYTES = 65_536

/** An empty body; shared, never written to. */
export const EMPTY: Buffer = Buffer.alloc(0)

export function encode(value: unknown): Buffer {
  const bytes = pack(value)
  if (bytes.buffer.byteLength > MAX_SLAB_BYTES) {
    packr.useBuffer(Buffer.allocUnsafeSlow(SLAB_BYTES)) // of all packrs: they share theirs
  }
  return bytes
}

function pack(value: unknown): Buffer {
  try {
    return packr.pack(value)
  } catch {
    return largePackr.pack(value)
  }
}

/** The same bytes in memory of their own, for what is kept: they may be part of a slab or of a received bundle. */
export function keepable(bytes: Buffer): Buffer {
  if (bytes.length === bytes.buffer.byteLength) return bytes
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}

/** Decodes bytes from outside. Throws `code` with `{...details, reason}` on anything malformed. */
export function decodeUntrusted(
  bytes: Uint8Array,
  code: ErrorCode = 'INVALID_MESSAGE',
  details: ErrorDetails = { what: 'body' },
): unknown {
  const problem = scanMsgpack(bytes, WIRE_LIMITS.maxDepth, WIRE_LIMITS.maxValues)
  if (problem !== undefined) throw new ProtocolError(code, { ...details, reason: problem })
  try {
    return packr.unpack(bytes)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProtocolError(code, { ...details, reason }, { cause })
  }
}

/** Decodes bytes that this installation wrote itself, such as journal records behind a checksum. */
export function decodeTrusted(bytes: Uint8Array): unknown {
  return packr.unpack(bytes)
}

/** Decodes and validates a body; an empty one counts as an empty map. */
export function decodeBody<S extends TSchema>(
  schema: S,
  bytes: Uint8Array,
  code: ErrorCode = 'INVALID_MESSAGE',
  details: ErrorDetails = { what: 'body' },
): Static<S> {
  const value = bytes.length === 0 ? {} : decodeUntrusted(bytes, code, details)
  return checked(schema, value, code, details)
}
