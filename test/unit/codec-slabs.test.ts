/** How much memory encoded bytes hold on to, beside their own. */
import t from 'tap'
import { encode, keepable, MAX_SLAB_BYTES } from '../../protocol/codec.ts'

const small = () => encode({ session: 's', answer: 'small' })

t.test('small values do not hold the memory of the large ones before them', (t) => {
  const kept: Buffer[] = []
  for (let round = 0; round < 50; round += 1) {
    t.equal(encode('x'.repeat(600_000)).length, 600_005)
    kept.push(small())
  }
  const slabs = new Set(kept.map(({ buffer }) => buffer))
  const bytes = [...slabs].reduce((sum, { byteLength }) => sum + byteLength, 0)
  t.ok(bytes <= kept.length * MAX_SLAB_BYTES, `${kept.length} small ones hold ${bytes} bytes`)
  t.end()
})

t.test('what is kept has memory of its own, and that only', (t) => {
  const bytes = small()
  const kept = keepable(bytes)
  t.same(kept, bytes)
  t.equal(kept.buffer.byteLength, bytes.length)
  t.equal(keepable(kept), kept)
  t.end()
})
