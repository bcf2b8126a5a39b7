import fc from 'fast-check'
import t from 'tap'
import { Rate } from '../../protocol/link/rate.ts'

t.test('a burst is taken at once, then so many a second', (t) => {
  const rate = new Rate({ perSecond: 10, burst: 3 })
  t.same([rate.take(0), rate.take(0), rate.take(0)], [0, 0, 0])
  t.equal(rate.take(0), 100)
  t.equal(rate.take(99), 101, 'the one before was told 100 ms, this one comes after it')
  t.equal(rate.take(200), 0)
  t.end()
})

t.test('those who are refused are told to come one after the other', (t) => {
  const rate = new Rate({ perSecond: 1000, burst: 1 })
  rate.take(0)
  const told = [rate.take(0), rate.take(0), rate.take(0)]
  t.same(told, [1, 2, 3])
  for (const at of told) t.equal(rate.take(at), 0, 'and then it is their turn')
  t.end()
})

t.test('0 a second is any number, and nothing is remembered of it', (t) => {
  const rate = new Rate({ perSecond: 0, burst: 0 })
  for (let count = 0; count < 1000; count += 1) t.equal(rate.take(5), 0)
  t.ok(rate.isRested(5))
  t.end()
})

t.test('what was spent already has to be made up for', (t) => {
  const rate = new Rate({ perSecond: 100, burst: 10 })
  rate.spend(0, 60)
  t.equal(rate.waitMs(0), 500)
  t.equal(rate.waitMs(500), 0)
  t.notOk(rate.isRested(599))
  t.ok(rate.isRested(600))
  t.end()
})

t.test('whatever is asked when, no more is done than the rate allows', (t) => {
  const asked = fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 30 })), { maxLength: 60 })
  fc.assert(
    fc.property(asked, (steps) => {
      const limits = { perSecond: 20, burst: 5 }
      const rate = new Rate(limits)
      let [now, done] = [0, 0]
      for (const [passed, tries] of steps) {
        now += passed
        for (let count = 0; count < tries; count += 1) if (rate.take(now) === 0) done += 1
        if (done > limits.burst + (now * limits.perSecond) / 1000 + 1e-6) return false
      }
      return true
    }),
  )
  t.end()
})
