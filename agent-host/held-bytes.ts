/**
 * How many bytes of chunks the logs of all sessions hold together, while the broker does not take them.
 * Pure: who is paused, and for what, is known in live-sessions.ts.
 */

export interface BufferLimits {
  /** Of one session; beyond it its child is not read, bytes. */
  readonly sessionBytes: number
  /** Of all sessions; beyond it no child that writes is read on, bytes. */
  readonly allBytes: number
}

export const BUFFER_LIMITS: BufferLimits = {
  sessionBytes: 4 * 1024 * 1024, // about a minute of a fast agent
  allBytes: 64 * 1024 * 1024, // 16 sessions that are full
}

export class HeldBytes {
  readonly #maxBytes: number
  #bytes = 0
  #peakBytes = 0
  #isOver = false

  constructor(maxBytes: number = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The most that there has been. */
  get peakBytes(): number {
    return this.#peakBytes
  }

  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes
  }

  /** There is room enough to read children again. */
  get hasRoom(): boolean {
    return this.#bytes <= this.#maxBytes / 2
  }

  add(bytes: number): void {
    this.#bytes += bytes
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes)
    if (this.isFull) this.#isOver = true
  }

  /** It was full, and relief has not been taken since. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether there is room after it was full, so that every child may be read again; told once. */
  takeRelief(): boolean {
    if (!this.#isOver || !this.hasRoom) return false
    this.#isOver = false
    return true
  }
}
