/**
 * What waits to be sent on one connection: three lanes, drained in order of urgency, cut into bundles.
 * Bounded by bytes; whoever fills it beyond that is told, and decides.
 */
import { type Bundle, encodeBundle, type Message } from '../bundle.ts'
import {
  BUNDLE_TARGET_BYTES,
  BUNDLE_TARGET_CALLS,
  BUNDLE_TARGET_MESSAGES,
  WIRE_LIMITS,
} from '../limits.ts'
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
    let most = BUNDLE_TARGET_MESSAGES
    while (this.#count > 0) {
      const batch = this.#gather(most)
      const bundle = encodeBundle(batch)
      if (batch.length === 1 || bundle.heads.length <= WIRE_LIMITS.maxHeadsBytes) {
        this.#drop(batch.length, bundle.bodies.length)
        return bundle
      }
      most = batch.length >> 1 // long heads: the other side would refuse the whole bundle
    }
    return undefined
  }

  /** Ends at the first message that does not fit, so that nothing less urgent slips in front of it. */
  #gather(most: number): Message[] {
    const batch: Message[] = []
    let bytes = 0
    for (const lane of LANES) {
      const mostHere = lane === 'bulk' ? most : Math.min(most, BUNDLE_TARGET_CALLS)
      for (const message of this.#lanes[lane]) {
        bytes += message.body.length
        if (batch.length >= mostHere) return batch
        if (batch.length > 0 && bytes > BUNDLE_TARGET_BYTES) return batch
        batch.push(message)
      }
    }
    return batch
  }

  #drop(count: number, bytes: number): void {
    let left = count
    for (const lane of LANES) {
      const queue = this.#lanes[lane]
      const taken = Math.min(left, queue.length)
      if (taken === queue.length) queue.length = 0
      else if (taken > 0) queue.splice(0, taken)
      left -= taken
    }
    this.#count -= count
    this.#bytes -= bytes
  }

  clear(): void {
    for (const lane of LANES) this.#lanes[lane].length = 0
    this.#bytes = 0
    this.#count = 0
  }
}
