/** Under which keys a peer believes a broker: the present one, those that it named, and none that is over. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import { KeyRing } from '../../protocol/keys/key-ring.ts'
import { peerKeys } from '../../protocol/process/peer-keys.ts'

const [FIRST, SECOND, THIRD] = [1, 2, 3].map(() => newKeyPair(randomBytes).publicKey) as [
  string,
  string,
  string,
]

t.test('a key is tried after those before it have failed, and round again', async (t) => {
  const ring = new KeyRing([FIRST])
  t.notOk(ring.failed(), 'there is no other')
  t.ok(ring.learn(SECOND))
  t.notOk(ring.learn(SECOND), 'that is no news')
  t.equal(ring.current, FIRST)
  t.ok(ring.failed())
  t.equal(ring.current, SECOND)
  t.ok(ring.failed())
  t.equal(ring.current, FIRST)
})

t.test('once the next key has worked, the one before it is not tried any more', async (t) => {
  const told: unknown[] = []
  const ring = new KeyRing([FIRST, SECOND, THIRD], (...what) => told.push(what))
  ring.failed()
  ring.worked(SECOND)
  t.same(told, [[[FIRST], SECOND]])
  for (const expected of [SECOND, THIRD, SECOND]) {
    t.equal(ring.current, expected)
    ring.failed()
  }
  ring.worked(FIRST)
  t.same(told, [[[FIRST], SECOND]], 'a key that is over does not come back')
})

t.test('proofs are made for the key that was reached, not for the one that is tried', async (t) => {
  const ring = new KeyRing([FIRST, SECOND])
  t.equal(ring.proven, FIRST)
  ring.worked(FIRST)
  ring.failed() // the other socket of this peer cannot connect for a while
  t.equal(ring.current, SECOND)
  t.equal(ring.proven, FIRST)
})

t.test('no broker can make a peer remember more than a few keys', async (t) => {
  const ring = new KeyRing([FIRST])
  const learnt = Array.from({ length: 100 }, () => ring.learn(newKeyPair(randomBytes).publicKey))
  t.equal(learnt.filter(Boolean).length, 7)
})

/** The keys of a peer that starts anew, with files of its own. */
function starter(t: Test) {
  const stateDir = mkdtempSync(join(tmpdir(), 'amq-'))
  t.teardown(() => rmSync(stateDir, { recursive: true, force: true }))
  const places = { endpoint: 'tcp://host:1', stateDir }
  const start = (broker_key = FIRST) => {
    const known = peerKeys({ settings: { broker_key }, places, name: 'client' }, randomBytes)
    if (!known) throw new Error('no keys')
    return known
  }
  return { start, file: join(stateDir, 'keys', 'brokers.json') }
}

t.test(
  'a peer that starts anew tries the key that it was told, after the one that it has',
  async (t) => {
    const { start } = starter(t)
    start().learn(SECOND)
    const { ring } = start().keys
    t.equal(ring.current, FIRST)
    ring.failed()
    t.equal(ring.current, SECOND)
  },
)

t.test(
  'a peer that starts anew does not try a key that was followed by one that worked',
  async (t) => {
    const { start } = starter(t)
    const first = start()
    first.learn(SECOND)
    first.keys.ring.failed()
    first.keys.ring.worked(SECOND)
    const second = start()
    t.equal(second.keys.ring.current, SECOND)
    t.notOk(second.keys.ring.failed(), 'and there is no other')
    second.learn(THIRD)
    const third = start().keys.ring
    t.equal(third.current, SECOND)
    third.failed()
    third.worked(THIRD)
    t.equal(start().keys.ring.current, THIRD, 'the key of the settings leads to the present one')
    t.equal(start(THIRD).keys.ring.current, THIRD)
  },
)

t.test('what is no key is not remembered', async (t) => {
  const { start, file } = starter(t)
  const { learn, keys } = start()
  for (const wrong of ['', 'x', '0'.repeat(40), '__proto__'.padEnd(40, 'x')]) learn(wrong)
  t.notOk(keys.ring.failed())
  t.throws(() => readFileSync(file), { code: 'ENOENT' })
})

t.test('a damaged list of keys is no reason to believe an old one', async (t) => {
  const { start, file } = starter(t)
  start().learn(SECOND)
  for (const text of ['', '{', '[]', `{"${FIRST}":"${SECOND}"}`, '{"x":{"next":1}}']) {
    writeFileSync(file, text)
    t.throws(() => start(), { code: 'BAD_CONFIG', message: /is damaged; remove it/ }, text)
  }
})

t.test('a list of keys that leads in a circle ends', async (t) => {
  const { start, file } = starter(t)
  start().learn(SECOND)
  const circle = {
    [FIRST]: { next: SECOND, worked: true },
    [SECOND]: { next: FIRST, worked: true },
  }
  writeFileSync(file, JSON.stringify(circle))
  t.equal(start().keys.ring.current, SECOND)
})
