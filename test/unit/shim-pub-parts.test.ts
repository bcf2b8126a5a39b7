import t from 'tap'
import { Patience } from '../../clients/shim/pub/patience.ts'
import { type PositionRecord, Positions } from '../../clients/shim/pub/positions.ts'
import { Subscriptions } from '../../clients/shim/pub/subscriptions.ts'

const A = 'aaaaaaaa-0000-4000-8000-000000000001'
const B = 'bbbbbbbb-0000-4000-8000-000000000002'
const frame = (verb: 0 | 1, prefix: string) => Buffer.concat([Buffer.of(verb), Buffer.from(prefix)])

t.test('a subscription is heard by its topic, a shorter prefix and a longer one', async (t) => {
  for (const prefix of ['', 'c', 'chat/', 'chat/aaaa', `chat/${A}`, `chat/${A} {"type":"text"`]) {
    const subscriptions = new Subscriptions()
    subscriptions.take(frame(1, prefix))
    t.equal(subscriptions.isHeard(A), true, prefix)
    t.equal(subscriptions.isHeard(B), prefix.length < 6, prefix)
    t.equal(subscriptions.isNamed(A), prefix.length > 40, prefix)
  }
  t.equal(new Subscriptions().isHeard(A), false)
})

t.test('a chat is heard until the last of its subscribers has left', async (t) => {
  const subscriptions = new Subscriptions()
  const came = { type: 'came', session: A }
  t.same(subscriptions.take(frame(1, `chat/${A}`)), came)
  t.same(subscriptions.take(frame(1, `chat/${A}`)), came)
  t.same(subscriptions.take(frame(0, `chat/${A}`)), { type: 'left', session: A })
  t.equal(subscriptions.isHeard(A), true)
  subscriptions.take(frame(0, `chat/${A}`))
  t.equal(subscriptions.isHeard(A), false)
  t.equal(subscriptions.total, 0)
  t.equal(subscriptions.take(frame(0, `chat/${A}`)), undefined)
})

t.test('what is no subscription, too long or one too many changes nothing', async (t) => {
  const subscriptions = new Subscriptions(2)
  t.equal(subscriptions.take(Buffer.of()), undefined)
  t.equal(subscriptions.take(frame(1, 'x'.repeat(600))), undefined)
  t.equal(subscriptions.take(Buffer.from('hello')), undefined)
  t.same(subscriptions.take(frame(1, 'a')), { type: 'came', session: undefined })
  t.ok(subscriptions.take(frame(1, 'b')))
  t.equal(subscriptions.take(frame(1, 'd')), undefined)
  t.ok(subscriptions.take(frame(1, 'b')), 'one that is known is counted')
})

t.test('patience is spent by waiting and comes back slowly', async (t) => {
  const patience = new Patience(10, 0.5, 0)
  t.equal(patience.spend(6, 0), true)
  t.equal(patience.spend(6, 0), false)
  t.equal(patience.spend(6, 2), false)
  t.equal(patience.spend(6, 6), true)
  t.equal(patience.spend(11, 1e6), false, 'never more than there was')
})

/** A store in memory that can fail. */
function memory(kept: Record<string, PositionRecord> = {}) {
  const store = {
    kept,
    saves: 0,
    isBroken: false,
    load: async (shard: string) => kept[shard] ?? {},
    save: async (shard: string, positions: PositionRecord) => {
      if (store.isBroken) throw new Error('broken')
      store.saves += 1
      kept[shard] = positions
    },
  }
  return store
}

t.test('a position is written once it has settled, and at the end at once', async (t) => {
  const store = memory()
  const positions = new Positions(store)
  positions.sent(A, 5)
  t.equal(positions.of(A), 5)
  await positions.tick(1000)
  t.same(store.kept, {}, 'it may still be on its way out')
  positions.sent(A, 9)
  await positions.tick(1500)
  t.equal(store.saves, 0, 'not more often than the period')
  await positions.tick(2000)
  t.same(store.kept, { a: { [A]: 5 } })
  await positions.flush()
  t.same(store.kept, { a: { [A]: 9 } })
  await positions.tick(9000)
  t.equal(store.saves, 2, 'nothing is written when nothing has moved')
})

t.test('chats that share a shard are one write, and a failed one is made up for', async (t) => {
  const store = memory()
  const positions = new Positions(store)
  const other = A.replace('1', '2')
  positions.sent(A, 1)
  positions.sent(other, 2)
  positions.sent(B, 3)
  store.isBroken = true
  await positions.tick(1000)
  await t.rejects(positions.tick(2000))
  store.isBroken = false
  await positions.tick(3000)
  t.same(store.kept, { a: { [A]: 1, [other]: 2 }, b: { [B]: 3 } })
  t.equal(store.saves, 2)
})

t.test('positions of sessions that are no more are given up', async (t) => {
  const store = memory({ a: { [A]: 4 }, b: { [B]: 6 } })
  const positions = new Positions(store)
  await positions.load((session) => session === B)
  t.equal(positions.of(A), 0)
  t.equal(positions.of(B), 6)
  await positions.tick(1000)
  t.same(store.kept, { a: {}, b: { [B]: 6 } })
  positions.forget(B)
  await positions.flush()
  t.same(store.kept, { a: {}, b: {} })
})

t.test('a flood of subscriptions keeps no reader of a chat out', async (t) => {
  const chat = '11111111-1111-4111-8111-111111111111'
  const subscriptions = new Subscriptions(100, (session) => session === chat)
  const come = (prefix: string) => subscriptions.take(Buffer.from(`\x01${prefix}`))
  for (let n = 0; n < 200; n += 1) come(`chat/${String(n).padStart(8, '0')}${chat.slice(8)}`)
  t.equal(subscriptions.total, 100)
  t.notOk(subscriptions.isHeard(chat))
  t.match(come(`chat/${chat}`), { type: 'came', session: chat })
  t.ok(subscriptions.isNamed(chat))
  subscriptions.take(Buffer.from(`\x00chat/${chat}`))
  t.notOk(subscriptions.isHeard(chat))
  for (const all of ['', 'chat/']) t.match(come(all), { type: 'came' })
  t.ok(subscriptions.isHeard(chat))
})
