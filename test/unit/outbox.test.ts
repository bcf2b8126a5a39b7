import { ok } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Bundle, decodeBundle, encodeBundle, type Message } from '../../protocol/bundle.ts'
import {
  BUNDLE_TARGET_BYTES,
  BUNDLE_TARGET_CALLS,
  BUNDLE_TARGET_MESSAGES,
  WIRE_LIMITS,
} from '../../protocol/limits.ts'
import { backoffMs } from '../../protocol/link/backoff.ts'
import { LoopLag } from '../../protocol/link/health.ts'
import { Outbox } from '../../protocol/link/outbox.ts'
import { Writer } from '../../protocol/link/writer.ts'
import { laneOf } from '../../protocol/messages/index.ts'
import { anyMessage } from '../support/arbitrary.ts'

const reply = (id: string, size = 0): Message => ({
  head: { kind: 'REPLY', id },
  body: Buffer.alloc(size),
})
const chunk = (sequence: number, size = 0): Message => ({
  head: { kind: 'APPEND', session: 's', epoch: 1, sequence, turn: 1, type: 2 },
  body: Buffer.alloc(size),
})
const cancel: Message = { head: { kind: 'CANCEL', id: 'c' }, body: Buffer.alloc(0) }

function read({ heads, bodies }: Bundle): Message[] {
  return decodeBundle([heads, bodies]).flatMap((entry) => (entry.ok ? [entry.message] : []))
}

function drain(outbox: Outbox): Message[][] {
  const bundles: Message[][] = []
  for (let bundle = outbox.next(); bundle; bundle = outbox.next()) bundles.push(read(bundle))
  return bundles
}

const filled = (messages: readonly Message[]) => {
  const outbox = new Outbox()
  for (const message of messages) outbox.push(message)
  return outbox
}

t.test('CANCEL overtakes calls, and calls overtake bulk', async (t) => {
  const outbox = filled([chunk(1), chunk(2), reply('r'), cancel])
  const kinds = drain(outbox)
    .flat()
    .map(({ head }) => head.kind)
  t.same(kinds, ['CANCEL', 'REPLY', 'APPEND', 'APPEND'])
})

t.test('CANCEL waits behind no more than the bundle that is on its way', async (t) => {
  const outbox = filled(Array.from({ length: 100 }, (_, index) => chunk(index + 1, 10_000)))
  outbox.next()
  outbox.push(cancel)
  const next = outbox.next()
  t.equal(next && read(next)[0]?.head.kind, 'CANCEL')
})

t.test('a bundle is closed at its target of bytes and of messages', async (t) => {
  const small = drain(filled(Array.from({ length: 1000 }, (_, index) => chunk(index))))
  t.same(
    small.map((bundle) => bundle.length),
    [256, 256, 256, 232],
  )
  const large = drain(filled(Array.from({ length: 10 }, (_, index) => chunk(index, 50_000))))
  t.same(
    large.map((bundle) => bundle.length),
    [2, 2, 2, 2, 2],
  )
  const huge = drain(filled([reply('a'), reply('b', 3_000_000), reply('c')]))
  t.same(
    huge.map((bundle) => bundle.map(({ head }) => 'id' in head && head.id)),
    [['a'], ['b'], ['c']],
  )
})

t.test('nothing less urgent slips in front of a message that no longer fits', async (t) => {
  const outbox = filled([reply('a', 100_000), reply('b', 100_000), chunk(1), chunk(2)])
  const order = drain(outbox).map((bundle) => bundle.map(({ head }) => head.kind))
  t.same(order, [['REPLY'], ['REPLY', 'APPEND', 'APPEND']])
})

t.test('heads of any allowed size leave in bundles that the other side takes', async (t) => {
  const longest: Message = {
    head: {
      kind: 'REQUEST',
      id: '😀'.repeat(64),
      method: '😀'.repeat(64),
      target: '😀'.repeat(128),
      remaining_ms: 1,
      key: '😀'.repeat(128),
      trace: '😀'.repeat(256),
    },
    body: Buffer.alloc(1),
  }
  t.ok(
    encodeBundle(Array.from({ length: 256 }, () => longest)).heads.length >
      WIRE_LIMITS.maxHeadsBytes,
  )
  const bundles = drain(filled(Array.from({ length: 1000 }, () => longest)))
  t.equal(bundles.flat().length, 1000)
})

t.test('whatever goes in comes out once, in order within its lane, within the bounds', async () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 600 }), (messages) => {
      const bundles = drain(filled(messages))
      for (const bundle of bundles) {
        const bytes = bundle.reduce((sum, { body }) => sum + body.length, 0)
        ok(bundle.length <= BUNDLE_TARGET_MESSAGES)
        ok(bundle.filter(({ head }) => laneOf(head.kind) !== 'bulk').length <= BUNDLE_TARGET_CALLS)
        ok(bundle.length === 1 || bytes <= BUNDLE_TARGET_BYTES)
      }
      for (const lane of ['urgent', 'call', 'bulk']) {
        const inLane = (all: readonly Message[]) =>
          encodeBundle(all.filter(({ head }) => laneOf(head.kind) === lane))
        const [put, got] = [inLane(messages), inLane(bundles.flat())]
        ok(put.heads.equals(got.heads) && put.bodies.equals(got.bodies))
      }
    }),
    { numRuns: 60 },
  )
})

t.test('an outbox knows what waits in it, and when that is too much', async (t) => {
  const outbox = new Outbox({ maxBytes: 10, maxMessages: 3 })
  t.equal(outbox.next(), undefined)
  outbox.push(reply('a', 10))
  t.same([outbox.bytes, outbox.count, outbox.isFull], [10, 1, false])
  outbox.push(reply('b', 1))
  t.equal(outbox.isFull, true)
  outbox.next()
  t.same([outbox.bytes, outbox.count, outbox.isFull], [0, 0, false])
  for (const id of ['a', 'b', 'c', 'd']) outbox.push(reply(id))
  t.equal(outbox.isFull, true)
  outbox.clear()
  t.same([outbox.bytes, outbox.count, outbox.next()], [0, 0, undefined])
})

/** A socket whose sends end when the test says so. */
class SlowSocket {
  readonly outbox = new Outbox()
  readonly sent: string[][] = []
  readonly errors: unknown[] = []
  readonly writer = new Writer({
    next: () => this.outbox.next(),
    send: (bundle) => this.#send(bundle),
    failed: (error) => this.errors.push(error),
  })
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined

  #send(bundle: Bundle): Promise<void> {
    this.sent.push(read(bundle).map(({ head }) => ('id' in head ? String(head.id) : head.kind)))
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
  }

  push(...ids: readonly string[]): void {
    for (const id of ids) {
      this.outbox.push(reply(id))
      this.writer.kick()
    }
  }

  async finish(): Promise<void> {
    this.#settle?.resolve()
    await turns()
  }

  async fail(): Promise<void> {
    this.#settle?.reject(new Error('EAGAIN'))
    await turns()
  }
}

/** Lets all promises that can settle do so. */
async function turns(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

t.test('an idle writer sends at once, and what gathers meanwhile in one bundle', async (t) => {
  const socket = new SlowSocket()
  socket.push('a')
  await Promise.resolve()
  t.same(socket.sent, [['a']])
  socket.push('b', 'c')
  await turns()
  t.same(socket.sent, [['a']], 'one send at a time')
  await socket.finish()
  t.same(socket.sent, [['a'], ['b', 'c']])
  await socket.finish()
  socket.push('d')
  await turns()
  t.same(socket.sent, [['a'], ['b', 'c'], ['d']])
})

t.test('a burst of one task leaves as one bundle', async (t) => {
  const socket = new SlowSocket()
  socket.push('a', 'b', 'c')
  await turns()
  t.same(socket.sent, [['a', 'b', 'c']])
})

t.test('a send that fails is reported and holds up nothing', async (t) => {
  const socket = new SlowSocket()
  socket.push('a')
  await turns()
  socket.push('b')
  await socket.fail()
  t.match(socket.errors, [{ message: 'EAGAIN' }])
  t.same(socket.sent, [['a'], ['b']], 'what came during the failing send is sent')
  await socket.finish()
  socket.push('c')
  await turns()
  t.same(socket.sent, [['a'], ['b'], ['c']])
})

t.test('back-off stays below a bound that doubles up to its limit', async (t) => {
  const limits = { firstMs: 100, maxMs: 1000 }
  const worst = [1, 2, 3, 4, 5, 1000].map((attempt) => backoffMs(attempt, limits, () => 1))
  t.same(worst, [100, 200, 400, 800, 1000, 1000])
  t.equal(
    backoffMs(3, limits, () => 0),
    0,
  )
})

t.test('loop lag is the worst of this window and the last one', async (t) => {
  const lag = new LoopLag(0, 1000)
  t.equal(lag.worstMs, 0)
  lag.ran(100, 140)
  lag.ran(200, 201)
  t.equal(lag.worstMs, 40)
  lag.ran(1100, 1105)
  t.equal(lag.worstMs, 40)
  lag.ran(2200, 2201)
  t.equal(lag.worstMs, 5)
})
