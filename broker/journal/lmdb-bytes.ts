/**
 * Keys and values of LMDB as bytes. The binding's own `binary` encodings do the same by `Uint8Array.slice`, which
 * takes 0.4 µs for each key and each value: half of what it takes to read a chunk back.
 */

/** `bytes` is a buffer of the binding's, which the next read overwrites, and which may be longer than it says. */
function copyOf(bytes: Uint8Array, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from)
  copy.set(new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from))
  return copy
}

/** Options of the database of databases, and of others that may be read slowly. */
export const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const

/** Options of a database in lmdb 3.5.5. Ranges of it need a start: the binding's own leaves out keys below "\x05". */
export const BYTES = {
  encoder: {
    encode: (value: Buffer): Buffer => value,
    decode: (bytes: Uint8Array): Buffer => copyOf(bytes, 0, bytes.length),
  },
  keyEncoder: {
    /** Returns where the key ends. Throws RangeError when it does not fit. */
    writeKey(key: Buffer, target: Uint8Array, start: number): number {
      target.set(key, start)
      return start + key.length
    },
    readKey: copyOf,
  },
} as const

let lastKeys: ArrayBufferLike | undefined
let lastKey: Buffer = Buffer.alloc(0)

/** Keys of one session are equally long and stand in the same place, so they all have one view. */
function viewOf(bytes: Uint8Array, from: number, to: number): Buffer {
  const at = bytes.byteOffset + from
  const isSame =
    bytes.buffer === lastKeys && lastKey.byteOffset === at && lastKey.length === to - from
  if (!isSame) {
    lastKeys = bytes.buffer
    lastKey = Buffer.from(bytes.buffer, at, to - from)
  }
  return lastKey
}

/**
 * Options of the same database for ranges of many entries. Keys and values are the binding's own memory, and void
 * with the next step; a value is as long as its `length`, and its memory may be longer.
 */
export const VIEWS = {
  encoder: {
    encode: BYTES.encoder.encode,
    decode: (bytes: Uint8Array): Buffer =>
      Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
  },
  keyEncoder: { ...BYTES.keyEncoder, readKey: viewOf },
} as const

/** The start of a range over all keys. */
export const LOWEST_KEY: Buffer = Buffer.of(0)
