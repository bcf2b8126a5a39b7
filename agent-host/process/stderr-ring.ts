/**
 * Keeps the tail of a child's stderr. Several failures of the CLIs are told there and nowhere else,
 * and a child that writes much to it must not cost memory.
 */

/** How much of the tail is kept, in bytes. */
export const DEFAULT_STDERR_BYTES = 64 * 1024

export class StderrRing {
  readonly #capacity: number
  /** Made with the first byte: most children never write to stderr. */
  #ring: Buffer | undefined
  #written = 0

  constructor(capacityBytes: number = DEFAULT_STDERR_BYTES) {
    this.#capacity = capacityBytes
  }

  push(chunk: Buffer): void {
    this.#ring ??= Buffer.alloc(this.#capacity)
    const tail = chunk.subarray(Math.max(0, chunk.length - this.#capacity))
    const at = (this.#written + chunk.length - tail.length) % this.#capacity
    const first = tail.copy(this.#ring, at)
    tail.copy(this.#ring, 0, first)
    this.#written += chunk.length
  }

  /** Bytes that came before the tail and are gone. */
  get droppedBytes(): number {
    return Math.max(0, this.#written - this.#capacity)
  }

  /** The tail as text; a character that was cut at its start is left out. */
  text(): string {
    if (this.#ring === undefined) return ''
    if (this.droppedBytes === 0) return this.#ring.toString('utf8', 0, this.#written)
    const at = this.#written % this.#capacity
    const tail = Buffer.concat([this.#ring.subarray(at), this.#ring.subarray(0, at)])
    return tail.toString('utf8', firstCharacter(tail))
  }
}

/** Index of the first byte that begins a UTF-8 character; a character has at most 3 bytes after it. */
function firstCharacter(bytes: Buffer): number {
  let at = 0
  while (at < 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at++
  return at
}
