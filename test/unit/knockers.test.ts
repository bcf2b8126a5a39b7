/** Keys that knock and are not known: which are remembered for an operator when very many do. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { Knockers, MAX_KNOCKERS, MAX_KNOCKERS_OF_ADDRESS } from '../../broker/core/knockers.ts'
import { z85Encode } from '../../protocol/keys/z85.ts'
import { seededRandom } from '../support/virtual-clock.ts'

function seeded() {
  const random = seededRandom(1)
  return (size: number) =>
    Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)))
}

const newKey = () => z85Encode(randomBytes(32))
const has = (knockers: Knockers, key: string) => knockers.list().some((one) => one.key === key)

/** An address of its own for each number. */
const address = (index: number) => `10.0.${index >> 8}.${index & 255}`

t.test('a key is told of with its first and its last knock', (t) => {
  const knockers = new Knockers(seeded())
  const key = newKey()
  t.ok(knockers.knocked(key, '10.0.0.1', 1000))
  t.notOk(knockers.knocked(key, '10.0.0.2', 1400), 'it is no news')
  t.match(knockers.list(), [{ key, address: '10.0.0.2', first_at: 1000, last_at: 1400, knocks: 2 }])
  knockers.admitted(key)
  t.same(knockers.list(), [])
  t.end()
})

t.test('fresh keys of one address push out none of another', (t) => {
  const knockers = new Knockers(seeded())
  const waiting = newKey()
  knockers.knocked(waiting, '10.0.0.1', 0)
  for (let count = 0; count < 10_000; count += 1) knockers.knocked(newKey(), '10.0.0.2', count)
  t.ok(has(knockers, waiting))
  t.equal(knockers.size, 1 + MAX_KNOCKERS_OF_ADDRESS)
  t.equal(knockers.forgotten, 10_000 - MAX_KNOCKERS_OF_ADDRESS)
  t.end()
})

t.test('of one address the key that has knocked for longest stays', (t) => {
  const knockers = new Knockers(seeded())
  const waiting = newKey()
  knockers.knocked(waiting, '10.0.0.2', 0)
  knockers.knocked(waiting, '10.0.0.2', 400)
  for (let count = 0; count < 1000; count += 1) knockers.knocked(newKey(), '10.0.0.2', count)
  t.ok(has(knockers, waiting))
  t.end()
})

t.test('whoever has a network of version 6 counts as one address', (t) => {
  const knockers = new Knockers(seeded())
  for (let count = 0; count < 100; count += 1) {
    knockers.knocked(newKey(), `2001:db8:1:2:${count.toString(16)}::1`, count)
  }
  t.equal(knockers.size, MAX_KNOCKERS_OF_ADDRESS)
  knockers.knocked(newKey(), '2001:db8:1:3::1', 100)
  t.equal(knockers.size, MAX_KNOCKERS_OF_ADDRESS + 1)
  t.end()
})

t.test('a flood from very many addresses does not push out one that waits', (t) => {
  const knockers = new Knockers(seeded())
  const waiting = newKey()
  for (const at of [0, 3000, 6000]) knockers.knocked(waiting, '192.168.0.1', at)
  for (let count = 0; count < 5000; count += 1) {
    knockers.knocked(newKey(), address(count), 6000 + count)
  }
  t.ok(has(knockers, waiting))
  t.equal(knockers.size, MAX_KNOCKERS)
  t.end()
})

t.test('very many that go on knocking leave room for one that is new', (t) => {
  const knockers = new Knockers(seeded())
  const stubborn = Array.from({ length: MAX_KNOCKERS }, newKey)
  for (const at of [0, 3000, 6000]) {
    for (const [index, key] of stubborn.entries()) knockers.knocked(key, address(index), at)
  }
  const fresh = newKey()
  let listed = 0
  for (let at = 7000; at < 17_000; at += 500) {
    knockers.knocked(fresh, '192.168.0.1', at)
    for (const [index, key] of stubborn.entries()) knockers.knocked(key, address(index), at)
    if (has(knockers, fresh)) listed += 1
  }
  t.ok(listed > 10, `in ${listed} of 20 looks`)
  t.equal(knockers.size, MAX_KNOCKERS)
  t.end()
})
