/**
 * Turns the bytes of a child's output into lines. Splits on the byte 0x0A, so a character that is
 * cut by a read comes out whole; holds at most one line, in one buffer that grows by doubling.
 */
import { isUtf8 } from 'node:buffer'

/** Longest line, in bytes. CLIs repeat a whole answer in one line; 2 MB lines were recorded. */
export const DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024

/** A buffer larger than this is given back after the line that needed it, in bytes. */
const KEEP_BYTES = 64 * 1024

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d

export interface Line {
  /** The line without its newline and without one trailing carriage return. */
  readonly text: string
  /** False when the bytes were not UTF-8; `text` then holds replacement characters. */
  readonly valid: boolean
  /** Length in bytes, newline not counted. */
  readonly bytes: number
}

export interface LineReaderOptions {
  /** Default `DEFAULT_MAX_LINE_BYTES`. */
  readonly maxLineBytes?: number
  onLine(line: Line): void
  /** One call for each line over the limit, at its end, with its whole length in bytes. */
  onOverflow(bytes: number): void
}

export class LineReader {
  readonly #options: LineReaderOptions
  readonly #maxBytes: number
  #held: Buffer = Buffer.alloc(0)
  #length = 0
  /** Bytes of the line that is being skipped; 0 = none is. */
  #skipped = 0
  #ended = false

  constructor(options: LineReaderOptions) {
    this.#options = options
    this.#maxBytes = options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES
  }

  /** What the unfinished line takes in memory: at most twice its length, and never over the limit. */
  get heldBytes(): number {
    return this.#held.length
  }

  /** Takes the next bytes. Every line that they complete is reported before this returns. */
  push(chunk: Buffer): void {
    let start = 0
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, start)
      if (newline === -1) break
      this.#finish(chunk.subarray(start, newline))
      start = newline + 1
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start))
  }

  /** The bytes are over: what is held is the last line. Further calls do nothing. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#length > 0 || this.#skipped > 0) this.#finish(Buffer.alloc(0))
  }

  #finish(tail: Buffer): void {
    if (this.#skipped > 0 || this.#length + tail.length > this.#maxBytes) {
      const bytes = this.#skipped + this.#length + tail.length
      this.#reset()
      this.#options.onOverflow(bytes)
      return
    }
    if (this.#length === 0) {
      this.#report(tail)
      return
    }
    this.#append(tail)
    const whole = this.#held.subarray(0, this.#length)
    // The buffer is taken out first: a reader that throws must not see the line again.
    this.#reset()
    this.#report(whole)
  }

  #hold(piece: Buffer): void {
    if (this.#skipped === 0 && this.#length + piece.length <= this.#maxBytes) {
      this.#append(piece)
      return
    }
    this.#skipped += this.#length + piece.length
    this.#length = 0
    this.#held = Buffer.alloc(0)
  }

  /** Copies, because many tiny reads kept as they are would cost far more than their bytes. */
  #append(piece: Buffer): void {
    const needed = this.#length + piece.length
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, 2 * needed))
      this.#held.copy(grown, 0, 0, this.#length)
      this.#held = grown
    }
    piece.copy(this.#held, this.#length)
    this.#length = needed
  }

  #reset(): void {
    this.#length = 0
    this.#skipped = 0
    if (this.#held.length > KEEP_BYTES) this.#held = Buffer.alloc(0)
  }

  #report(bytes: Buffer): void {
    const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length
    this.#options.onLine({
      text: bytes.toString('utf8', 0, end),
      valid: isUtf8(bytes),
      bytes: bytes.length,
    })
  }
}
