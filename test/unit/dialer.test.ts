/** Dialling a broker of the network: what the events of a socket tell, and which keys are tried when. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { fingerprint, newKeyPair } from '../../protocol/keys/key-pair.ts'
import { KeyRing } from '../../protocol/keys/key-ring.ts'
import { DialWatch } from '../../protocol/link/dial-watch.ts'
import { Dialer, findingError } from '../../protocol/link/dialer.ts'

const other = { type: 'handshake:error:other' }
const mismatch = {
  type: 'handshake:error:protocol',
  error: Object.assign(new Error('ZMTP protocol error'), { code: 'ERR_ZMTP_MECHANISM_MISMATCH' }),
}

/** Plays events at their times, and says what was found at the end. */
function found(hasKeys: boolean, ...events: readonly (readonly [number, object])[]) {
  const watch = new DialWatch(hasKeys)
  for (const [at, event] of events) watch.heard(event as typeof other, at)
  return (now: number) => watch.finding(now)
}

const connect = { type: 'connect' }
const close = { type: 'close' }

t.test('a connection that is taken and then held is one whose key is not known', async (t) => {
  const finding = found(true, [0, connect])
  t.equal(finding(1499), undefined, 'a slow handshake is not held')
  t.equal(finding(1500), 'held')
  const after = found(true, [0, connect], [5000, other], [5000, { type: 'disconnect' }])
  t.equal(after(5001), 'held', 'and stays so between two attempts')
})

t.test('three quick hang-ups in a row are a broker with another key', async (t) => {
  const twice = [0, 100].flatMap((at) => [[at, connect] as const, [at + 1, other] as const])
  t.equal(found(true, ...twice)(102), undefined)
  t.equal(found(true, ...twice, [200, connect], [201, other])(202), 'hung_up')
})

t.test('a broker that held a key before may hang up on it a few times', async (t) => {
  const held = [[0, connect] as const, [5000, other] as const]
  const quick = Array.from({ length: 20 }, (_, n) => [
    [5100 + n * 100, connect] as const,
    [5101 + n * 100, other] as const,
  ])
  t.equal(found(true, ...held, ...quick.slice(0, 19).flat())(8000), 'held')
  t.equal(found(true, ...held, ...quick.flat())(8000), 'hung_up')
})

t.test('nobody there, and a mismatch of mechanisms, are told apart', async (t) => {
  t.equal(found(true, [0, close])(1), 'unreachable')
  t.equal(found(true, [0, connect], [1, mismatch])(2), 'no_curve')
  t.equal(found(false, [0, connect], [1, mismatch])(2), 'wants_curve')
})

t.test('a handshake that succeeds ends all doubt', async (t) => {
  const finding = found(true, [0, close], [100, connect], [101, { type: 'handshake' }])
  t.equal(finding(10_000), undefined)
})

/** A dialer on a socket that only remembers. */
function dialler(keys: readonly string[]) {
  const own = newKeyPair(randomBytes)
  const calls: string[] = []
  const due: (() => void)[] = []
  const socket = {
    closed: false,
    curveServerKey: '',
    connect: () => void calls.push(`connect ${keys.indexOf(socket.curveServerKey)}`),
    disconnect: () => void calls.push('disconnect'),
    close: () => {},
  }
  const target = { endpoint: 'tcp://broker:1', keys: { own, ring: new KeyRing(keys) } }
  const ports = {
    where: 'client',
    now: () => 0,
    after: (ms: number, run: () => void) => void (ms === 1000 && due.push(run)),
  } as const
  const dialer = new Dialer(socket, target, ports)
  const fail = (times: number) => {
    for (let n = 0; n < times; n += 1) for (const event of [connect, other]) dialer.heard(event)
  }
  const later = () => {
    for (const run of due.splice(0)) run()
  }
  return { own, target, socket, dialer, calls, due, fail, later }
}

const KEYS = [0, 1].map(() => newKeyPair(randomBytes).publicKey)

t.test('after three failures the next key of the broker is tried at once', async (t) => {
  const { calls, fail } = dialler(KEYS)
  fail(3)
  t.same(calls, ['connect 0', 'disconnect', 'connect 1'])
  fail(3)
  t.same(calls.slice(3), ['disconnect', 'connect 0'])
})

t.test('with no other key it dials more slowly, once at a time', async (t) => {
  const { calls, due, fail, later, dialer } = dialler(KEYS.slice(0, 1))
  fail(9)
  t.same([calls, due.length], [['connect 0', 'disconnect'], 1])
  t.equal(dialer.finding, 'hung_up')
  later()
  t.same(calls, ['connect 0', 'disconnect', 'connect 0'])
})

t.test('after a mismatch libzmq would not dial again, so the dialer does', async (t) => {
  const { calls, later, dialer } = dialler(KEYS.slice(0, 1))
  dialer.heard(connect)
  dialer.heard(mismatch)
  later()
  t.same(calls, ['connect 0', 'disconnect', 'connect 0'])
})

t.test('a socket that was closed meanwhile is left alone', async (t) => {
  const { calls, socket, later, dialer } = dialler(KEYS.slice(0, 1))
  dialer.heard(mismatch)
  socket.closed = true
  later()
  t.same(calls, ['connect 0', 'disconnect'])
})

t.test('what was found becomes an error that names the key in question', async (t) => {
  const { own, target } = dialler(KEYS)
  const [first = ''] = KEYS
  t.match(findingError('held', target, 'host'), {
    code: 'KEY_NOT_APPROVED',
    where: 'host',
    details: { key: fingerprint(own.publicKey), endpoint: 'tcp://broker:1' },
  })
  t.match(findingError('hung_up', target, 'host'), {
    code: 'WRONG_BROKER_KEY',
    details: { key: fingerprint(first) },
  })
  t.equal(findingError('unreachable', target, 'host'), undefined)
  const plain = { ...target, keys: undefined }
  t.equal(findingError('held', plain, 'host'), undefined, 'without keys it is not about them')
})
