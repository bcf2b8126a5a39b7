/** Bytes in and out of LMDB: what was read stays as it was, whatever is read after it. */
import { crc32 } from 'node:zlib'
import { open } from 'lmdb'
import t from 'tap'
import { crc32OfDigits } from '../../broker/journal/crc32-digits.ts'
import { BINARY, BYTES, LOWEST_KEY } from '../../broker/journal/lmdb-bytes.ts'

/** The binding has a buffer of its own for small values, and a larger one, or the file, for others. */
const SIZES = [1, 120, 4096, 40_000, 300_000, 5_000_000]

t.test('keys and values of any size are copies', async (t) => {
  const path = `${t.testdir()}/bytes.mdb`
  const root = open<Buffer, Buffer>({ ...BINARY, path, noSubdir: true, maxDbs: 2 })
  t.teardown(() => root.close())
  const database = root.openDB<Buffer, Buffer>({ ...BYTES, name: 'chunks' })
  const entries = SIZES.map((size, index) => {
    return { key: Buffer.of(index, 0, 255), value: Buffer.alloc(size, index + 1) }
  })
  await root.batch(() => {
    for (const { key, value } of entries) void database.put(key, value)
  })
  const got = entries.map(({ key }) => database.get(key))
  const walked = [...database.getRange({ start: LOWEST_KEY })]
  const keys = [...database.getKeys({ start: LOWEST_KEY })]
  for (const [index, { key, value }] of entries.entries()) {
    t.ok(got[index]?.equals(value), `get of ${value.length} B`)
    t.ok(walked[index]?.value.equals(value), `range over ${value.length} B`)
    t.ok(walked[index]?.key.equals(key) && keys[index]?.equals(key), 'and its key')
  }
  await database.remove(Buffer.of(0, 0, 255))
  t.equal(database.get(Buffer.of(0, 0, 255)), undefined)
  t.ok(walked[0]?.value.equals(Buffer.alloc(1, 1)), 'also when it is removed')
})

t.test('the checksum of digits is that of zlib', async (t) => {
  const numbers = [0, 7, 10, 99, 12_345, 2 ** 31, 2 ** 32, 2 ** 48 - 2, Number.MAX_SAFE_INTEGER]
  for (const seed of [0, 1, crc32('a session\0'), 0xffffffff]) {
    const ours = numbers.map((number) => crc32OfDigits(number, seed))
    t.same(
      ours,
      numbers.map((number) => crc32(String(number), seed)),
    )
  }
})
