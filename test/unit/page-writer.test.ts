/** Pages of stream.read, written chunk by chunk. */
import fc from 'fast-check'
import t from 'tap'
import { decodeBody, encode } from '../../protocol/codec.ts'
import {
  encodeReadResult,
  type PageEntry,
  PageWriter,
} from '../../protocol/messages/page-writer.ts'
import { METHODS } from '../../protocol/methods/index.ts'

const tuple = ({ sequence, time, turn, type, bytes, from, to }: PageEntry) => {
  return [sequence, time, turn, type, Buffer.from(bytes.subarray(from, to))]
}

function pageOf(entries: readonly PageEntry[]): Buffer {
  const page = new PageWriter()
  for (const entry of entries) page.add(entry)
  return page.finish()
}

/** Numbers around each length that MessagePack has for them. */
const edges = [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 2]
const number = fc.oneof(fc.constantFrom(...edges), fc.maxSafeNat())

const entry: fc.Arbitrary<PageEntry> = fc
  .record({
    sequence: number,
    time: fc.oneof(number, fc.double({ min: 0, max: 2e12, noNaN: true })),
    turn: number,
    type: fc.integer({ min: 0, max: 65_535 }),
    bytes: fc.uint8Array({ maxLength: 300 }),
    cut: fc.integer({ min: 0, max: 300 }),
  })
  .map(({ cut, ...rest }) => {
    const from = Math.min(cut, rest.bytes.length)
    return { ...rest, from, to: rest.bytes.length }
  })

t.test('a page has the bytes of an array of tuples', async () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
      return pageOf(entries).equals(encode(entries.map(tuple)))
    }),
  )
})

t.test('of any length', async (t) => {
  const bytes = Buffer.from('body')
  const one = { sequence: 1, time: 2, turn: 3, type: 4, bytes, from: 1, to: 3 }
  for (const count of [0, 1, 15, 16, 65_535, 65_536]) {
    const entries = Array.from({ length: count }, () => one)
    t.ok(pageOf(entries).equals(encode(entries.map(tuple))), `${count} chunks`)
  }
})

t.test('bodies of any length', async (t) => {
  for (const length of [0, 255, 256, 65_535, 65_536, 300_000]) {
    const one = {
      ...{ sequence: 1, time: 2, turn: 3, type: 4 },
      ...{ bytes: Buffer.alloc(length + 7, length), from: 7, to: length + 7 },
    }
    t.ok(pageOf([one, one]).equals(encode([tuple(one), tuple(one)])), `${length} bytes`)
  }
})

t.test('around a page the result is what its schema says', async (t) => {
  const bytes = encode({ content: 'hi' })
  const page = pageOf([
    { sequence: 7, time: 1.5, turn: 1, type: 2, bytes, from: 0, to: bytes.length },
  ])
  const rest = {
    ...{ session: 's', next: 9, head: 8 },
    gaps: [{ from: 8, to: 8, reason: 'corrupt' }],
  }
  const result = decodeBody(METHODS['stream.read'].result, encodeReadResult(rest, page))
  t.strictSame(result, { ...rest, chunks: [[7, 1.5, 1, 2, bytes]] })
})
