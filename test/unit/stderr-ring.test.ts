import fc from 'fast-check'
import t, { type Test } from 'tap'
import { StderrRing } from '../../agent-host/process/stderr-ring.ts'

t.test('an untouched ring is empty', async (t: Test) => {
  const ring = new StderrRing()
  t.equal(ring.text(), '')
  t.equal(ring.droppedBytes, 0)
})

t.test('keeps the tail and counts what it dropped', async (t: Test) => {
  const ring = new StderrRing(4)
  ring.push(Buffer.from('abc'))
  t.equal(ring.text(), 'abc')
  ring.push(Buffer.from('defg'))
  t.equal(ring.text(), 'defg')
  t.equal(ring.droppedBytes, 3)
})

t.test('a character that lost its first byte is left out', async (t: Test) => {
  const ring = new StderrRing(4)
  ring.push(Buffer.from('x€ab'))
  t.equal(ring.text(), 'ab', 'two bytes of the euro sign were kept, and mean nothing')
})

t.test('holds the last bytes of whatever was pushed, in whatever pieces', async () => {
  const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c') }), { maxLength: 20 })
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 16 }), (pushed, capacity) => {
      const ring = new StderrRing(capacity)
      for (const piece of pushed) ring.push(Buffer.from(piece))
      const all = pushed.join('')
      return (
        ring.text() === all.slice(-capacity) &&
        ring.droppedBytes === Math.max(0, all.length - capacity)
      )
    }),
  )
})
