/**
 * What waits to be sent on one connection: three lanes, drained in order of urgency, cut into bundles.
 * Bounded by bytes; whoever fills it beyond that is told, and decides.
 */
import { type Bundle, encodeBundle, type Message } from '../bundle.ts'
import { BUNDLE_TARGET_BYTES, BUNDLE_TARGET_MESSAGES } from '../limits.ts'
import type { Lane } from '../messages/define.ts'
import { laneOf } from '../messages/index.ts'

export interface OutboxLimits {
  /** Body bytes that may wait. */
  readonly maxBytes: number
  /** Messages that may wait. */
  readonly maxMessages: number
}

export const OUTBOX_LIMITS: OutboxLimits = {
  maxBytes: 16 * 1024 * 1024, // a few full pages of stream.read for a slow peer
  maxMessages: 65_536, // small messages cost about 200 bytes each beside their body
}

const LANES: readonly Lane[] = ['urgent', 'call', 'bulk']

export class Outbox {
  readonly #limits: OutboxLimits
  readonly #lanes: Record<Lane, Message[]> = { urgent: [], call: [], bulk: [] }
  #bytes = 0
  #count = 0

  constructor(limits: OutboxLimits = OUTBOX_LIMITS) {
    this.#limits = limits
  }

  get bytes(): number {
    return this.#bytes
  }

  get count(): number {
    return this.#count
  }

  /** Over its limits: the caller must stop feeding it, or cut the connection. */
  get isFull(): boolean {
    return this.#bytes > this.#limits.maxBytes || this.#count > this.#limits.maxMessages
  }

  push(message: Message): void {
    this.#lanes[laneOf(message.head.kind)].push(message)
    this.#bytes += message.body.length
    this.#count += 1
  }

  /** The next bundle, most urgent first; undefined when nothing waits. */
  next(): Bundle | undefined {
    if (this.#count === 0) return undefined
    const batch: Message[] = []
    let bytes = 0
    for (const lane of LANES) bytes = this.#take(this.#lanes[lane], batch, bytes)
    this.#bytes -= bytes
    this.#count -= batch.length
    return encodeBundle(batch)
  }

  #take(queue: Message[], batch: Message[], bytesSoFar: number): number {
    let bytes = bytesSoFar
    let taken = 0
    for (const message of queue) {
      if (batch.length >= BUNDLE_TARGET_MESSAGES) break
      if (batch.length > 0 && bytes + message.body.length > BUNDLE_TARGET_BYTES) break
      batch.push(message)
      bytes += message.body.length
      taken += 1
    }
    if (taken === queue.length) queue.length = 0
    else if (taken > 0) queue.splice(0, taken)
    return bytes
  }

  clear(): void {
    for (const lane of LANES) this.#lanes[lane].length = 0
    this.#bytes = 0
    this.#count = 0
  }
}
