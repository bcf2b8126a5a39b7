/**
 * Pages of `stream.read` as MessagePack, written chunk by chunk: the same bytes as those of an array of PageChunk, without
 * a buffer and an array for each chunk.
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { encode } from '../codec.ts'
import type { Result } from '../methods/index.ts'

const FIRST_BYTES = 4096
/** Array of five, and four numbers and the length of a body at their longest. */
const MAX_CHUNK_HEAD = 1 + 4 * 9 + 5
/** Of the array of chunks, at its longest. */
const ARRAY_HEAD = 5

/** A chunk whose body is a part of other bytes. */
export interface PageEntry {
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly turn: number
  /** A number of CHUNK_CODES. */
  readonly type: number
  readonly bytes: Uint8Array
  /** Where the body begins in `bytes`. */
  readonly from: number
  readonly to: number
}

export class PageWriter {
  #page = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #end = ARRAY_HEAD
  #count = 0

  add({ sequence, time, turn, type, bytes, from, to }: PageEntry): void {
    this.#reserve(MAX_CHUNK_HEAD + to - from)
    this.#byte(0x95)
    this.#number(sequence)
    this.#number(time)
    this.#number(turn)
    this.#number(type)
    this.#body(bytes, from, to)
    this.#count += 1
  }

  /** All of it. To be called once, when nothing more is added. */
  finish(): Buffer {
    const from = this.#writeLength()
    return this.#page.subarray(from, this.#end)
  }

  /** A short length takes the right part of the room that is kept for it. Returns where it begins. */
  #writeLength(): number {
    if (this.#count < 0x10) {
      this.#page[ARRAY_HEAD - 1] = 0x90 | this.#count
      return ARRAY_HEAD - 1
    }
    if (this.#count < 0x1_0000) {
      this.#page[ARRAY_HEAD - 3] = 0xdc
      this.#page.writeUInt16BE(this.#count, ARRAY_HEAD - 2)
      return ARRAY_HEAD - 3
    }
    this.#page[0] = 0xdd
    this.#page.writeUInt32BE(this.#count, 1)
    return 0
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes
    if (needed <= this.#page.length) return
    const longer = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#page.length))
    longer.set(this.#page.subarray(0, this.#end))
    this.#page = longer
  }

  #byte(value: number): void {
    this.#page[this.#end] = value
    this.#end += 1
  }

  /** As msgpackr writes it: beyond 32 bits, and with a fraction, it is a double. */
  #number(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
      this.#byte(0xcb)
      this.#end = this.#page.writeDoubleBE(value, this.#end)
    } else if (value < 0x80) this.#byte(value)
    else this.#sized(value, 0xcc)
  }

  #body(bytes: Uint8Array, from: number, to: number): void {
    this.#sized(to - from, 0xc4)
    this.#page.set(bytes.subarray(from, to), this.#end)
    this.#end += to - from
  }

  /** `tag` is that of one byte; those of two and four follow it. */
  #sized(value: number, tag: number): void {
    if (value < 0x100) {
      this.#byte(tag)
      this.#byte(value)
    } else if (value < 0x1_0000) {
      this.#byte(tag + 1)
      this.#byte(value >> 8)
      this.#byte(value & 0xff)
    } else {
      this.#byte(tag + 2)
      this.#end = this.#page.writeUInt32BE(value, this.#end)
    }
  }
}

type ReadResult = Result<'stream.read'>

/** The result of `stream.read` around chunks that are written already. */
export function encodeReadResult(
  { session, gaps, next, head }: Omit<ReadResult, 'chunks'>,
  chunks: Buffer,
): Buffer {
  const fields = [
    ...[encode('session'), encode(session), encode('gaps'), encode(gaps)],
    ...[encode('next'), encode(next), encode('head'), encode(head)],
    ...[encode('chunks'), chunks],
  ]
  return Buffer.concat([Buffer.of(0x80 | (fields.length / 2)), ...fields])
}
