import { deepStrictEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decodeBundle, encodeBundle, type Message, type Received } from '../../protocol/bundle.ts'
import { decodeBody, encode } from '../../protocol/codec.ts'
import { type ErrorCode, ProtocolError } from '../../protocol/errors.ts'
import { WIRE_LIMITS } from '../../protocol/limits.ts'
import { HelloBody } from '../../protocol/messages/handshake.ts'
import { MESSAGES } from '../../protocol/messages/index.ts'
import { anyMessage, fitting, KINDS, messageOf } from '../support/arbitrary.ts'

const PING: Message = { head: { kind: 'PING', id: 7 }, body: Buffer.alloc(0) }
const reply = (id: string, text: string): Message => ({
  head: { kind: 'REPLY', id },
  body: Buffer.from(text),
})

const framesOf = (messages: readonly Message[]) => {
  const { heads, bodies } = encodeBundle(messages)
  return [heads, bodies] as const
}

const messagesIn = (received: readonly Received[]) =>
  received.flatMap((entry) => (entry.ok ? [entry.message] : []))

/** The code with which the frames are refused as a whole, or undefined when they can be read. */
function refusal(frames: readonly Uint8Array[]): ErrorCode | undefined {
  try {
    decodeBundle(frames)
    return undefined
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return thrown.code
    throw thrown
  }
}

/** Reads frames of any content; anything but the documented outcomes fails the test. */
function readAnything(frames: readonly Uint8Array[]): void {
  const code = refusal(frames)
  if (code !== undefined) {
    ok(['BAD_FRAME', 'TOO_LARGE'].includes(code), code)
    return
  }
  for (const entry of decodeBundle(frames)) {
    if (entry.ok) readBody(entry.message)
    else ok(['INVALID_MESSAGE', 'UNSUPPORTED'].includes(entry.error.code), entry.error.code)
  }
}

function readBody({ head, body }: Message): void {
  const schema = MESSAGES[head.kind].body
  try {
    if (typeof schema === 'object') decodeBody(schema, body)
  } catch (thrown) {
    ok(thrown instanceof ProtocolError && thrown.code === 'INVALID_MESSAGE', String(thrown))
  }
}

t.test('any list of valid messages survives the way over the wire', async () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 20 }), (messages) => {
      const received = decodeBundle(framesOf(messages))
      ok(received.every((entry) => entry.ok))
      deepStrictEqual(messagesIn(received), messages)
    }),
    { numRuns: 300 },
  )
})

t.test('every kind survives on its own, with its body', async () => {
  for (const kind of KINDS) {
    fc.assert(
      fc.property(messageOf(kind), (message) => {
        deepStrictEqual(messagesIn(decodeBundle(framesOf([message]))), [message])
      }),
      { numRuns: 25 },
    )
  }
})

t.test('bodies survive, and so do map keys that this version does not know', async () => {
  for (const kind of KINDS) {
    const schema = MESSAGES[kind].body
    if (typeof schema === 'string') continue
    fc.assert(
      fc.property(fitting(schema), fc.boolean(), (value, extended) => {
        const body = extended ? { ...(value as object), key_of_tomorrow: [1, { a: null }] } : value
        deepStrictEqual(decodeBody(schema, encode(body)), body)
      }),
      { numRuns: 40 },
    )
  }
})

t.test('an empty bundle and the largest allowed one can be read', async (t) => {
  t.same(decodeBundle(framesOf([])), [])
  const most = Array.from({ length: WIRE_LIMITS.maxMessages }, () => PING)
  t.equal(decodeBundle(framesOf(most)).length, WIRE_LIMITS.maxMessages)
  t.equal(refusal(framesOf([...most, PING])), 'TOO_LARGE')
  const largest = { ...reply('a', ''), body: Buffer.alloc(WIRE_LIMITS.maxBodiesBytes) }
  t.equal(messagesIn(decodeBundle(framesOf([largest])))[0]?.body.length, largest.body.length)
  t.equal(refusal(framesOf([largest, reply('b', 'x')])), 'TOO_LARGE')
})

t.test('frames given as plain Uint8Arrays still have Buffers for bodies', async (t) => {
  const frames = framesOf([reply('a', 'one'), reply('b', 'two')]).map((frame) =>
    Uint8Array.from(frame),
  )
  const bodies = messagesIn(decodeBundle(frames)).map(({ body }) => body)
  t.ok(bodies.every((body) => Buffer.isBuffer(body)))
  t.same(bodies.map(String), ['one', 'two'])
})

t.test('a mutilated bundle is refused with a code or read as something valid', async () => {
  const bundle = fc.array(anyMessage, { minLength: 1, maxLength: 6 }).map(framesOf)
  const position = fc.nat(4096)
  const mutilated = fc.oneof(
    fc.tuple(bundle, position).map(([[heads, bodies], at]) => [cut(heads, at), bodies]),
    fc.tuple(bundle, position).map(([[heads, bodies], at]) => [heads, cut(bodies, at)]),
    fc.tuple(bundle, position, fc.nat(255)).map(([[h, b], at, bits]) => [flip(h, at, bits), b]),
    fc.tuple(bundle, position, fc.nat(255)).map(([[h, b], at, bits]) => [h, flip(b, at, bits)]),
    fc
      .tuple(bundle, position, fc.uint8Array({ minLength: 1, maxLength: 9 }))
      .map(([[heads, bodies], at, extra]) => [insert(heads, at, extra), bodies]),
    fc.tuple(bundle, bundle, position).map(([a, b, at]) => [splice(a[0], b[0], at), a[1]]),
    fc.tuple(bundle, bundle).map(([a, b]) => [a[0], b[1]]),
    fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 4 }),
  )
  fc.assert(
    fc.property(mutilated, (frames) => readAnything(frames)),
    { numRuns: 3000 },
  )
})

const cut = (bytes: Buffer, at: number) => bytes.subarray(0, at % (bytes.length + 1))
const insert = (bytes: Buffer, at: number, extra: Uint8Array) =>
  Buffer.concat([cut(bytes, at), extra, bytes.subarray(at % (bytes.length + 1))])
const splice = (a: Buffer, b: Buffer, at: number) =>
  Buffer.concat([cut(a, at), b.subarray(at % (b.length + 1))])

function flip(bytes: Buffer, at: number, bits: number): Buffer {
  const copy = Buffer.from(bytes)
  if (copy.length > 0) copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ bits
  return copy
}

t.test('heads that are not heads are refused as a whole', async (t) => {
  const none = Buffer.alloc(0)
  const bad: readonly (readonly Uint8Array[])[] = [
    [],
    [none],
    [none, none],
    [encode([]), none, none],
    [encode({}), none],
    [encode('heads'), none],
    [encode([1]), none],
    [encode([[]]), none],
    [encode([[8]]), none],
    [encode([['8', 0]]), none],
    [encode([[8, -1, 1]]), none],
    [encode([[8, 0.5, 1]]), none],
    [encode([[8, 2 ** 60, 1]]), none],
    [encode([[8, null, 1]]), none],
    [encode([[-8, 0, 1]]), none],
    [encode([[8, 5, 1]]), Buffer.from('four')],
    [encode([[8, 3, 1]]), Buffer.from('four')],
    [
      encode([
        [18, 2 ** 53 - 1, 'a'],
        [18, 2 ** 53 - 1, 'b'],
      ]),
      Buffer.from('overflow'),
    ],
    [Buffer.concat([encode([]), Buffer.from([0])]), none],
    [Buffer.from('ddffffffff', 'hex'), none],
  ]
  for (const frames of bad) t.equal(refusal(frames), 'BAD_FRAME')
  t.equal(refusal([Buffer.alloc(WIRE_LIMITS.maxHeadsBytes + 1), none]), 'TOO_LARGE')
})

t.test('a bad head does not spoil its neighbours', async (t) => {
  const heads = encode([
    [18, 3, 'a'],
    [16, 2, 'r1', 5], // a REQUEST whose method is a number
    [77, 1, 'r2'], // a kind that nobody knows
    [77 | 0x80, 1, 'r3'], // one that may be skipped
    [18, 3, 'b'],
  ])
  const received = decodeBundle([heads, Buffer.from('onexxyztwo')])
  t.same(
    received.map((entry) => (entry.ok ? String(entry.message.body) : [entry.id, entry.error.code])),
    ['one', ['r1', 'INVALID_MESSAGE'], ['r2', 'UNSUPPORTED'], 'two'],
  )
})

t.test('a bundle of too many bad heads is refused as a whole', async (t) => {
  const bad = (count: number) => [encode(Array.from({ length: count }, () => [16, 0, 5])), none]
  const none = Buffer.alloc(0)
  t.equal(decodeBundle(bad(WIRE_LIMITS.maxBadHeads)).length, WIRE_LIMITS.maxBadHeads)
  t.equal(refusal(bad(WIRE_LIMITS.maxBadHeads + 1)), 'BAD_FRAME')
  t.equal(refusal(bad(WIRE_LIMITS.maxMessages)), 'BAD_FRAME')
})

t.test('fields behind those that are known are left alone', async (t) => {
  const heads = encode([[8, 0, 7, 'new', { more: [1, 2] }]])
  t.same(messagesIn(decodeBundle([heads, Buffer.alloc(0)])), [PING])
})

t.test('the id of a bad entry is no longer than an id may be', async (t) => {
  const [entry] = decodeBundle([encode([[77, 0, 'x'.repeat(5000)]]), Buffer.alloc(0)])
  t.ok(entry && !entry.ok && entry.id.length === 64)
})

t.test('an empty body counts as an empty map', async (t) => {
  t.throws(() => decodeBody(HelloBody, Buffer.alloc(0)), {
    code: 'INVALID_MESSAGE',
    message: /must have/,
  })
})
