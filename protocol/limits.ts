/** Limits of the wire, in one place. Every one is announced in WELCOME or documented in docs/protocol.md. */
export interface WireLimits {
  /** Messages in one bundle. */
  readonly maxMessages: number
  /** Heads of one bundle that cannot be used. */
  readonly maxBadHeads: number
  /** Bytes of the heads frame. */
  readonly maxHeadsBytes: number
  /** Bytes of the bodies frame, so also of one body. */
  readonly maxBodiesBytes: number
  /** Nesting of arrays and maps in a body. */
  readonly maxDepth: number
  /** Values (scalars, arrays, maps, keys) in one body or heads frame. */
  readonly maxValues: number
}

export const WIRE_LIMITS: WireLimits = {
  maxMessages: 1024, // more than a link gathers during one send; bounds the work per receive
  maxBadHeads: 16, // each costs some 50 us to refuse, and a peer that sends so many is broken
  maxHeadsBytes: 256 * 1024, // 1,024 heads of 256 bytes
  maxBodiesBytes: 4 * 1024 * 1024, // one large tool result; larger content is split by its producer
  maxDepth: 32, // tool inputs of real CLIs stay under 10
  maxValues: 256 * 1024, // an empty map is one byte here and 60 in memory; host.register may hold 110,000
}

/**
 * Largest frame that libzmq takes, bytes: the largest bodies frame with what CURVE puts around it. What is
 * too large by less than the rest is answered with a code; libzmq ends the connection of what is larger.
 */
export const MAX_FRAME_BYTES = WIRE_LIMITS.maxBodiesBytes + 64 * 1024

/** Largest body of one chunk; hosts split longer text, so that a bundle never outgrows maxBodiesBytes. */
export const MAX_CHUNK_BYTES = 256 * 1024

/** A sender closes a bundle at this many body bytes, so that urgent messages never wait behind more. */
export const BUNDLE_TARGET_BYTES = 128 * 1024

/** A sender closes a bundle at this many messages. */
export const BUNDLE_TARGET_MESSAGES = 256

/**
 * The same without chunks. Calls in large bundles go from process to process in step, and only one works at a time:
 * with 256 in flight, bundles of 64 carry a fifth to a third more calls (docs/decisions/0025).
 */
export const BUNDLE_TARGET_CALLS = 64
