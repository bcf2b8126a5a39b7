/**
 * MessagePack as no decent encoder writes it: widths that are too large, counts that lie, keys that come
 * twice or are no text, extension types, text that is no UTF-8. With an oddity of 0 it is decent.
 */
import { isRecord } from './mutate-value.ts'
import type { Random } from './random.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** Whole values that hurt, as bytes. */
const RAW: readonly Buffer[] = [
  ...['c1', 'c7 00 05', 'c8 0000 05', 'd4 72 40', 'd6 ff 00000000', 'd7 ff 0000000000000000'],
  ...['d8 05 00000000000000000000000000000000', 'c7 0c ff 000000000000000000000000', 'd4 00 00'],
  ...[
    'cb 7ff8000000000000',
    'cb fff0000000000000',
    'ca 7fc00000',
    'ca 3fc00000',
    'cb 3ff0000000000000',
  ],
  ...['cf ffffffffffffffff', 'd3 8000000000000000', 'cf 0020000000000001', 'd3 ffffffffffffffff'],
  ...['a3 eda080', 'a2 c328', 'a1 ff', 'a3 efbbbf', 'd9 02 c0af', 'a4 f4908080', 'd9 20 61'],
  ...[
    'dd ffffffff',
    'df ffffffff',
    'dc ffff',
    'de 8000',
    'c6 ffffffff',
    'db 7fffffff',
    'df 80000000',
  ],
  ...[
    '81 a9 5f5f70726f746f5f5f 81 a5 6f776e6564 c3',
    '82 a1 61 01 a1 61 02',
    '81 90 01',
    '81 c0 01',
  ],
].map(hex)

const TEXT = [0xd9, 0xda, 0xdb] as const
const BINARY = [0xc4, 0xc5, 0xc6] as const
const ODD_KEYS = [7, null, [], { a: 1 }, true, 1.5, '__proto__']
const LIES = [0xffff, 0x7fffffff, 0xffffffff]

export function encodeWildly(value: unknown, random: Random, oddity: number): Buffer {
  const writer = new WildWriter(random, oddity)
  writer.write(value)
  return writer.bytes()
}

class WildWriter {
  readonly #random: Random
  readonly #oddity: number
  #out = Buffer.allocUnsafe(512)
  #length = 0

  constructor(random: Random, oddity: number) {
    this.#random = random
    this.#oddity = oddity
  }

  bytes(): Buffer {
    return this.#out.subarray(0, this.#length)
  }

  get #isOdd(): boolean {
    return this.#oddity > 0 && this.#random.chance(this.#oddity)
  }

  write(value: unknown): void {
    if (this.#isOdd && this.#random.chance(0.3)) this.#raw(this.#random.pick(RAW))
    else if (value === null || value === undefined) this.#tag(0xc0)
    else if (typeof value === 'boolean') this.#tag(value ? 0xc3 : 0xc2)
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'string') this.#text(value)
    else if (value instanceof Uint8Array) this.#counted(BINARY, value)
    else if (Array.isArray(value)) this.#list(value)
    else this.#map(isRecord(value) ? Object.entries(value) : [])
  }

  /** Where the next bytes go. */
  #room(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > this.#out.length) {
      const grown = Buffer.allocUnsafe(2 * this.#length)
      this.#out.copy(grown, 0, 0, at)
      this.#out = grown
    }
    return at
  }

  #raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length) // first: it may replace the buffer
    this.#out.set(bytes, at)
  }

  #tag(tag: number): void {
    const at = this.#room(1)
    this.#out[at] = tag
  }

  #number(value: number): void {
    const isWhole = Number.isSafeInteger(value) && !Object.is(value, -0)
    if (!isWhole || this.#isOdd) this.#float(value)
    else if (value >= 0 && value < 0x80 && !this.#isOdd) this.#tag(value)
    else if (value < 0 && value >= -32 && !this.#isOdd) this.#tag(0x100 + value)
    else if (value >= 0 && value <= 0xffffffff && !this.#isOdd) this.#wide(0xce, 4, value)
    else this.#whole(value)
  }

  #float(value: number): void {
    this.#tag(0xcb)
    const at = this.#room(8)
    this.#out.writeDoubleBE(value, at)
  }

  #whole(value: number): void {
    this.#tag(value < 0 ? 0xd3 : 0xcf)
    const at = this.#room(8)
    this.#out.writeBigInt64BE(BigInt(value), at)
  }

  #text(value: string): void {
    const bytes = surrogates(value) ?? Buffer.from(value)
    if (this.#isOdd) this.#counted(BINARY, bytes)
    else if (bytes.length < 32) {
      this.#tag(0xa0 | bytes.length)
      this.#raw(bytes)
    } else this.#counted(TEXT, bytes)
  }

  #list(items: readonly unknown[]): void {
    this.#count(0x90, [0xdc, 0xdd], items.length)
    for (const item of items) this.write(item)
  }

  #map(entries: readonly (readonly [string, unknown])[]): void {
    const [first] = entries
    const all = this.#isOdd && first ? [...entries, first] : entries
    this.#count(0x80, [0xde, 0xdf], all.length)
    for (const [key, value] of all) {
      if (this.#isOdd) this.write(this.#random.pick(ODD_KEYS))
      else this.#text(key)
      this.write(value)
    }
  }

  /** A count of items; an odd one lies, or is wider than it has to be. */
  #count(small: number, tags: readonly [number, number], count: number): void {
    const said = this.#isOdd ? this.#lie(count) : count
    if (said < 16 && !this.#isOdd) this.#tag(small | said)
    else if (said < 0x10000 && !this.#isOdd) this.#wide(tags[0], 2, said)
    else this.#wide(tags[1], 4, said)
  }

  #counted(tags: readonly [number, number, number], bytes: Uint8Array): void {
    const said = this.#isOdd ? this.#lie(bytes.length) : bytes.length
    const least = said < 0x100 ? 0 : said < 0x10000 ? 1 : 2
    const width = this.#isOdd ? 2 : least
    this.#wide(tags[width] ?? tags[2], 1 << width, said)
    this.#raw(bytes)
  }

  #lie(count: number): number {
    return this.#random.pick([count + 1, Math.max(0, count - 1), 0, ...LIES])
  }

  #wide(tag: number, width: number, count: number): void {
    this.#tag(tag)
    const at = this.#room(width)
    this.#out.writeUIntBE(count, at, width)
  }
}

/** Half surrogates as the three bytes that no UTF-8 has; undefined when there are none. */
function surrogates(text: string): Buffer | undefined {
  if (!/[\ud800-\udfff]/.test(text)) return undefined
  const parts = Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0
    if (code < 0xd800 || code > 0xdfff) return Buffer.from(character)
    return Buffer.of(0xed, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
  })
  return Buffer.concat(parts)
}
