import t from 'tap'
import { chunkKey, sequenceOf } from '../../broker/journal/keys.ts'
import { decodeChunk, decodeSmall, encodeChunk, encodeSmall } from '../../broker/journal/record.ts'
import { chunk } from '../support/journal-contract.ts'

/** Every record that differs from the given one in one bit. */
function* flipped(record: Buffer): Generator<Buffer> {
  for (let bit = 0; bit < record.length * 8; bit += 1) {
    const copy = Buffer.from(record)
    const at = bit >> 3
    copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7))
    yield copy
  }
}

t.test('a chunk of extreme values survives its record', async (t) => {
  const extreme = {
    sequence: 2 ** 48 - 2,
    producerSequence: 2 ** 48 - 2,
    time: Number.MAX_VALUE,
    turn: 2 ** 32 - 1,
    type: 2 ** 16 - 1,
    body: Buffer.alloc(0),
  }
  t.same(decodeChunk('s', extreme.sequence, encodeChunk('s', extreme)), extreme)
})

t.test('one flipped bit anywhere in a chunk is noticed', async (t) => {
  for (const damaged of flipped(encodeChunk('s', chunk(7)))) {
    if (decodeChunk('s', 7, damaged)) t.fail('served a damaged chunk')
  }
})

t.test('one flipped bit anywhere in a small record is noticed', async (t) => {
  for (const damaged of flipped(encodeSmall('meta', 'k', { a: [1, 'two'] }))) {
    if (decodeSmall('meta', 'k', damaged)) t.fail('served a damaged record')
  }
})

t.test('a record cut at any place is noticed', async (t) => {
  const records = [encodeChunk('s', chunk(7)), encodeSmall('meta', 'k', 'value')]
  for (const record of records) {
    for (let length = 0; length < record.length; length += 1) {
      const cut = record.subarray(0, length)
      if (decodeChunk('s', 7, cut) || decodeSmall('meta', 'k', cut))
        t.fail(`served ${length} bytes`)
    }
  }
})

t.test('a record under the key of another is noticed', async (t) => {
  const record = encodeChunk('s', chunk(7))
  t.ok(decodeChunk('s', 7, record))
  t.equal(decodeChunk('s', 8, record), undefined)
  t.equal(decodeChunk('other', 7, record), undefined)
  const small = encodeSmall('meta', 'k', 1)
  t.equal(decodeSmall('meta', 'j', small), undefined)
  t.equal(decodeSmall('sessions', 'k', small), undefined)
})

t.test('keys sort by session, then generation, then sequence', async (t) => {
  const keys = [
    chunkKey('a', 0, 255),
    chunkKey('a', 0, 256),
    chunkKey('a', 1, 1),
    chunkKey('ab', 0, 1),
    chunkKey('b', 0, 2 ** 48 - 1),
  ]
  t.same(
    [...keys].reverse().sort((a, b) => Buffer.compare(a, b)),
    keys,
  )
  t.same(keys.map(sequenceOf), [255, 256, 1, 1, 2 ** 48 - 1])
})
