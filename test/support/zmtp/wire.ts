/**
 * ZMTP 3.1 as bytes (ZeroMQ RFC 37): greeting, frames, commands, properties. Written by hand, so that tests
 * can send what libzmq would never send. Owns no socket.
 */

/** Bytes of a greeting. */
export const GREETING_BYTES = 64

export type Mechanism = 'NULL' | 'PLAIN' | 'CURVE'

export interface Frame {
  readonly hasMore: boolean
  readonly isCommand: boolean
  readonly body: Buffer
}

/** Names and values as a peer claims them; an array, because one may come twice. */
export type Properties = readonly (readonly [name: string, value: Buffer | string])[]

const MORE = 1
const LONG = 2
const COMMAND = 4

export function greeting(mechanism: string, version: readonly [number, number] = [3, 1]): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES)
  bytes[0] = 0xff
  bytes[9] = 0x7f
  bytes.set(version, 10)
  bytes.write(mechanism, 12, 'latin1')
  return bytes
}

export function frame(body: Uint8Array, { hasMore = false, isCommand = false } = {}): Buffer {
  const flags = (hasMore ? MORE : 0) | (isCommand ? COMMAND : 0)
  if (body.length < 256) return Buffer.concat([Buffer.of(flags, body.length), body])
  return Buffer.concat([longHeader(flags, BigInt(body.length)), body])
}

/** A frame that claims any length, whatever follows. */
export function longHeader(flags: number, length: bigint): Buffer {
  const header = Buffer.alloc(9)
  header[0] = flags | LONG
  header.writeBigUInt64BE(length, 1)
  return header
}

/** The body of a command frame. */
export function command(name: string, data: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.of(name.length), Buffer.from(name, 'latin1'), data])
}

export function properties(list: Properties): Buffer {
  const parts = list.flatMap(([name, value]) => {
    const bytes = Buffer.from(value)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return [Buffer.of(name.length), Buffer.from(name, 'latin1'), length, bytes]
  })
  return Buffer.concat(parts)
}

/** The properties of a DEALER that says nothing else. */
export const DEALER: Properties = [['Socket-Type', 'DEALER']]
export const XSUB: Properties = [['Socket-Type', 'XSUB']]

/** The name of a command and what follows it. */
export function parsedCommand(body: Buffer): { readonly name: string; readonly data: Buffer } {
  const length = body[0] ?? 0
  return { name: body.toString('latin1', 1, 1 + length), data: body.subarray(1 + length) }
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0)

  push(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
  }

  /** The next whole frame. */
  next(): Frame | undefined {
    const [flags, short] = this.#bytes
    if (flags === undefined || short === undefined) return undefined
    const isLong = (flags & LONG) !== 0
    const header = isLong ? 9 : 2
    if (this.#bytes.length < header) return undefined
    const end = header + (isLong ? Number(this.#bytes.readBigUInt64BE(1)) : short)
    if (this.#bytes.length < end) return undefined
    const body = this.#bytes.subarray(header, end)
    this.#bytes = this.#bytes.subarray(end)
    return { hasMore: (flags & MORE) !== 0, isCommand: (flags & COMMAND) !== 0, body }
  }
}
