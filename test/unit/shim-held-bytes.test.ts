/** Who is cut off when too much waits for slow clients. */
import t from 'tap'
import { COUNTED_BYTES, HeldBytes } from '../../clients/shim/held-bytes.ts'

const PART = COUNTED_BYTES + 1

t.test('the oldest goes first, the newest never', async (t) => {
  const held = new HeldBytes(3 * PART)
  const cut: string[] = []
  const hold = (name: string, bytes = PART) => held.hold(bytes, () => cut.push(name))
  const releases = [hold('a'), hold('b'), hold('c')]
  t.same([cut, held.total], [[], 3 * PART])
  hold('d')
  t.same([cut, held.total], [['a'], 3 * PART])
  releases[1]?.()
  releases[0]?.()
  t.equal(held.total, 2 * PART, 'what was cut is not let go of twice')
  hold('e', 9 * PART)
  t.same([cut, held.total], [['a', 'c', 'd'], 9 * PART])
})

t.test('little is not counted', async (t) => {
  const held = new HeldBytes(1)
  held.hold(COUNTED_BYTES, () => t.fail('cut'))()
  t.equal(held.total, 0)
})
