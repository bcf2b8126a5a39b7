/**
 * MessagePack as the agent protocol needs it read: integers and floats stay apart, what follows the first
 * value is not looked at, and maps keep keys of every kind. Written for bytes from outside.
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 */

/** A float, also one without a fraction: a field that wants an integer does not take it. */
export class Float {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

export class Extension {
  readonly type: number
  constructor(type: number) {
    this.type = type
  }
}

/** Its entries in the order in which they came. */
export class WireMap {
  readonly entries: readonly (readonly [Wire, Wire])[]
  constructor(entries: readonly (readonly [Wire, Wire])[]) {
    this.entries = entries
  }

  /** The value of the last entry with this key. */
  get(key: string): Wire | undefined {
    return this.entries.findLast(([name]) => name === key)?.[1]
  }
}

/** An integer beyond 2^53 is a bigint. */
export type Wire =
  | null
  | boolean
  | number
  | bigint
  | string
  | Float
  | Uint8Array
  | Extension
  | WireMap
  | readonly Wire[]

/** What is wrong with a message, in words for the one who sent it. */
export class Malformed extends Error {}

/** Arrays and maps within each other: far more than any message of the protocol has. */
export const MAX_DEPTH = 64
/** Values in one message: 25,000 agents in a batch, or a payload of this many members. */
export const MAX_VALUES = 100_000

/** The first value in these bytes. Throws Malformed. */
export function readWire(bytes: Uint8Array): Wire {
  return new WireReader(bytes).value(0)
}

class WireReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  #values = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  value(depth: number): Wire {
    if (depth > MAX_DEPTH) throw new Malformed(`the message is nested deeper than ${MAX_DEPTH}`)
    this.#values += 1
    if (this.#values > MAX_VALUES) {
      throw new Malformed(`the message holds more than ${MAX_VALUES} values`)
    }
    const tag = this.#uint(1)
    if (tag <= 0x7f) return tag
    if (tag >= 0xe0) return tag - 0x100
    if (tag <= 0x8f) return this.#map(tag & 0x0f, depth)
    if (tag <= 0x9f) return this.#array(tag & 0x0f, depth)
    if (tag <= 0xbf) return this.#text(tag & 0x1f)
    return this.#tagged(tag, depth)
  }

  #tagged(tag: number, depth: number): Wire {
    switch (tag) {
      case 0xc0:
        return null
      case 0xc2:
      case 0xc3:
        return tag === 0xc3
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#uint(1 << (tag - 0xc4)))
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#uint(1 << (tag - 0xc7)))
      case 0xca:
        return new Float(this.#view.getFloat32(this.#skip(4)))
      case 0xcb:
        return new Float(this.#view.getFloat64(this.#skip(8)))
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (tag - 0xcc))
      case 0xcf:
        return shortest(this.#view.getBigUint64(this.#skip(8)))
      case 0xd0:
        return this.#view.getInt8(this.#skip(1))
      case 0xd1:
        return this.#view.getInt16(this.#skip(2))
      case 0xd2:
        return this.#view.getInt32(this.#skip(4))
      case 0xd3:
        return shortest(this.#view.getBigInt64(this.#skip(8)))
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (tag - 0xd4))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (tag - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(tag === 0xdc ? 2 : 4), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(tag === 0xde ? 2 : 4), depth)
      default:
        throw new Malformed(`byte 0x${tag.toString(16)} is not MessagePack`)
    }
  }

  #array(count: number, depth: number): Wire[] {
    this.#expect(count)
    const items: Wire[] = []
    for (let index = 0; index < count; index += 1) items.push(this.value(depth + 1))
    return items
  }

  #map(count: number, depth: number): WireMap {
    this.#expect(count * 2)
    const entries: [Wire, Wire][] = []
    for (let index = 0; index < count; index += 1) {
      entries.push([this.value(depth + 1), this.value(depth + 1)])
    }
    return new WireMap(entries)
  }

  #text(length: number): string {
    const bytes = this.#take(length)
    try {
      return utf8.decode(bytes)
    } catch {
      throw new Malformed('a string is not UTF-8')
    }
  }

  #extension(length: number): Extension {
    const type = this.#view.getInt8(this.#skip(1))
    this.#skip(length)
    return new Extension(type)
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length)
    return this.#bytes.subarray(at, at + length)
  }

  #uint(length: number): number {
    const at = this.#skip(length)
    if (length === 1) return this.#view.getUint8(at)
    return length === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at)
  }

  /** Where these bytes begin. */
  #skip(length: number): number {
    this.#expect(length)
    const at = this.#at
    this.#at += length
    return at
  }

  /** A count that the rest cannot hold is refused before anything is made for it. */
  #expect(bytes: number): void {
    if (bytes > this.#bytes.length - this.#at) {
      throw new Malformed('the message ends in the middle of a value')
    }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function shortest(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** The kind of a value, for sentences. */
export function kindOf(value: Wire): string {
  if (value === null) return 'nil'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof WireMap) return 'a map'
  if (value instanceof Uint8Array) return 'binary data'
  if (value instanceof Extension) return `an extension of type ${value.type}`
  if (value instanceof Float) return `the float ${value.value}`
  if (typeof value === 'string') return 'a string'
  if (typeof value === 'boolean') return 'a boolean'
  return 'an integer'
}
