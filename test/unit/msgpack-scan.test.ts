import { deepStrictEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import t from 'tap'
import { decodeUntrusted, encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { WIRE_LIMITS } from '../../protocol/limits.ts'
import { scanMsgpack } from '../../protocol/msgpack-scan.ts'
import { anyJson } from '../support/arbitrary.ts'

const { maxDepth, maxValues } = WIRE_LIMITS
const scan = (bytes: Uint8Array) => scanMsgpack(bytes, maxDepth, maxValues)
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** A 32-bit count behind its tag. */
const counted = (tag: number, count: number) => {
  const bytes = Buffer.alloc(5)
  bytes[0] = tag
  bytes.writeUInt32BE(count, 1)
  return bytes
}

/** What decoding gives, or the code it fails with. */
function decoded(bytes: Uint8Array): unknown {
  try {
    return decodeUntrusted(bytes)
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return thrown.code
    throw thrown
  }
}

t.test('what msgpackr writes passes the scan and comes back', async () => {
  const value = fc.oneof(
    anyJson,
    fc.double({ noNaN: true }).map((number) => number + 0),
    fc.maxSafeInteger(),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(fc.integer(), { minLength: 15, maxLength: 40 }),
    fc.string({ minLength: 30, maxLength: 300 }),
    fc.constantFrom(
      'x'.repeat(70_000),
      Buffer.alloc(70_000),
      Array.from({ length: 70_000 }, () => 1),
    ),
  )
  fc.assert(
    fc.property(value, (value) => {
      const bytes = encode(value)
      equal(scan(bytes), undefined)
      deepStrictEqual(decodeUntrusted(bytes), value)
    }),
    { numRuns: 400 },
  )
})

t.test('every format of the specification is measured as msgpackr reads it', async (t) => {
  const formats = [
    ...['00', '7f', 'e0', 'ff', 'c0', 'c2', 'c3', 'cc 80', 'cd 0100', 'ce 00010000'],
    ...['cf 0000000100000000', 'd0 80', 'd1 8000', 'd2 80000000', 'd3 ffffffff00000000'],
    ...['ca 3f800000', 'cb 3ff8000000000000', 'a0', 'a3 616263', 'd9 01 61', 'da 0001 61'],
    ...['db 00000001 61', 'c4 01 ff', 'c5 0001 ff', 'c6 00000001 ff', '90', '92 01 02'],
    ...['dc 0001 c0', 'dd 00000001 c0', '80', '81 a161 01', 'de 0001 a161 01'],
    ...['df 00000001 a161 01', '82 a161 91 a162 a163 80'],
  ]
  const plain = new Packr({ useRecords: false, int64AsType: 'number' })
  for (const format of formats) {
    const bytes = hex(format)
    t.equal(scan(bytes), undefined, format)
    t.strictSame(decodeUntrusted(bytes), plain.unpack(bytes), format)
    t.match(scan(bytes.subarray(0, -1)), /^(ends in the middle|declares more)/, format)
    t.equal(scan(Buffer.concat([bytes, hex('c0')])), 'has bytes after its value', format)
  }
})

t.test('bytes made to hurt are refused before they are decoded', async (t) => {
  const hostile = [
    hex('dd ffffffff'),
    hex('df ffffffff'),
    hex('df 80000000'), // twice this count wraps around in 32 bits
    hex('c6 ffffffff'),
    hex('db ffffffff'),
    hex('dc ffff c0'),
    hex('c1'),
    ...['c7 00 05', 'c8 0000 05', 'c9 00000000 05', 'd4 0000', 'd5 000000', 'd6 ff00000000'].map(
      hex,
    ),
    hex(`d7 ff ${'00'.repeat(8)}`),
    hex(`d8 05 ${'00'.repeat(16)}`),
    Buffer.concat([Buffer.alloc(100_000, 0x91), hex('c0')]),
    Buffer.concat([Buffer.alloc(100_000, 0x81), hex('c0')]),
    Buffer.alloc(0),
  ]
  for (const bytes of hostile) {
    t.type(scan(bytes), 'string')
    t.equal(decoded(bytes), 'INVALID_MESSAGE')
  }
})

t.test('a few bytes for each value do not become gigabytes of objects', async (t) => {
  const count = WIRE_LIMITS.maxBodiesBytes - 5
  for (const empty of [0x80, 0x90, 0xa0]) {
    const bytes = Buffer.concat([counted(0xdd, count), Buffer.alloc(count, empty)])
    t.equal(scan(bytes), `holds more than ${maxValues} values`)
  }
  const allowed = Buffer.concat([counted(0xdd, maxValues - 1), Buffer.alloc(maxValues - 1, 0xc0)])
  t.equal(scan(allowed), undefined)
})

t.test('nesting is allowed up to the limit and not beyond', async (t) => {
  const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x91), hex('c0')])
  t.equal(scan(nested(maxDepth)), undefined)
  t.equal(scan(nested(maxDepth + 1)), `is nested deeper than ${maxDepth}`)
  const beside = Buffer.concat([
    hex('dc 1000'),
    ...Array.from({ length: 4096 }, () => hex('91 c0')),
  ])
  t.equal(scan(beside), undefined)
})

t.test('a key named __proto__ reaches no prototype', async (t) => {
  const inner = hex('81 a9 5f5f70726f746f5f5f 81 a5 6f776e6564 c3')
  const value = decodeUntrusted(inner) as Record<string, unknown>
  t.equal(value['owned'], undefined)
  t.equal(({} as Record<string, unknown>)['owned'], undefined)
  t.equal(Object.getPrototypeOf(value), Object.prototype)
  decodeUntrusted(hex('81 ab 636f6e7374727563746f72 81 a9 70726f746f74797065 81 a1 78 01'))
  t.equal(({} as Record<string, unknown>)['x'], undefined)
})

t.test('keys of other types become text or are refused', async (t) => {
  t.strictSame(decoded(hex('81 01 02')), { 1: 2 })
  t.equal(decoded(hex('81 90 02')), 'INVALID_MESSAGE')
  t.equal(decoded(hex('81 80 02')), 'INVALID_MESSAGE')
})

t.test('64-bit integers arrive as numbers', async (t) => {
  t.equal(decoded(hex('cf 001fffffffffffff')), Number.MAX_SAFE_INTEGER)
  t.equal(decoded(hex('d3 ffe0000000000001')), Number.MIN_SAFE_INTEGER)
  t.type(decoded(hex('cf ffffffffffffffff')), 'number')
})

t.test('random bytes are refused or decoded, and a refusal leaves nothing behind', async () => {
  const before = encode({ a: [1, 'two', { three: 3 }] })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const value = decoded(bytes)
      if (scan(bytes) !== undefined) equal(value, 'INVALID_MESSAGE')
      deepStrictEqual(decodeUntrusted(before), { a: [1, 'two', { three: 3 }] })
    }),
    { numRuns: 5000 },
  )
})
