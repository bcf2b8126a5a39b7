/** What the broker publishes fits the wire, however much became durable at once. */
import fc from 'fast-check'
import t from 'tap'
import { Streams } from '../../broker/core/streams.ts'
import { bundlesOf, decodeBundle, encodeBundle, type Message } from '../../protocol/bundle.ts'
import { encode } from '../../protocol/codec.ts'
import {
  BUNDLE_TARGET_BYTES,
  BUNDLE_TARGET_MESSAGES,
  MAX_CHUNK_BYTES,
  WIRE_LIMITS,
} from '../../protocol/limits.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import { Client, withSession } from '../support/core-peers.ts'
import { MemoryJournal } from '../support/memory-journal.ts'

const SESSION = '00000000-0000-4000-8000-000000000000'

/** Publishes chunks with these bodies; what a reader decodes, bundle by bundle. */
function publish(bodies: readonly Buffer[]): Message[][] {
  const bundles: Message[][] = []
  const streams = new Streams({
    journal: new MemoryJournal({ durability: 'manual' }),
    random: (size) => Buffer.alloc(size, 7),
    publish: (_, messages) => {
      const { heads, bodies } = encodeBundle(messages)
      bundles.push(decodeBundle([heads, bodies]).flatMap((one) => (one.ok ? [one.message] : [])))
    },
    durable: () => undefined,
  })
  streams.of(SESSION).subscribers = 1
  const type = CHUNK_CODES.text
  const chunks = bodies.map((body) => streams.number(SESSION, { type, turn: 1, body }, 0))
  streams.published(SESSION, chunks, 0)
  return bundles
}

const sequences = (bundles: readonly Message[][]) =>
  bundles.flat().map(({ head }) => (head.kind === 'CHUNK' ? head.sequence : 0))
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

t.test('more chunks than one bundle may hold are several, each of which readers take', (t) => {
  for (const count of [
    1,
    BUNDLE_TARGET_MESSAGES,
    BUNDLE_TARGET_MESSAGES + 1,
    WIRE_LIMITS.maxMessages,
    WIRE_LIMITS.maxMessages + 1,
    5000,
  ]) {
    const bundles = publish(Array.from({ length: count }, () => Buffer.from('x')))
    t.same(sequences(bundles), upTo(count))
    t.equal(bundles.length, Math.ceil(count / BUNDLE_TARGET_MESSAGES), `${count} chunks`)
  }
  t.end()
})

t.test('more bytes than one bundle may hold are several as well', (t) => {
  const large = publish(Array.from({ length: 40 }, () => Buffer.alloc(MAX_CHUNK_BYTES)))
  t.same(sequences(large), upTo(40))
  t.equal(large.length, 40)
  const half = publish(Array.from({ length: 5 }, () => Buffer.alloc(BUNDLE_TARGET_BYTES / 2)))
  t.same(
    half.map((bundle) => bundle.length),
    [2, 2, 1],
    'exactly full is not over',
  )
  const body = Buffer.alloc(WIRE_LIMITS.maxBodiesBytes)
  t.equal(publish([body])[0]?.[0]?.body.length, body.length, 'one that is large alone stays whole')
  t.end()
})

t.test('a host that fills a bundle and ends with open turns makes more than a bundle', (t) => {
  const { harness, client, host, session } = withSession()
  const turns = 8
  for (let turn = 0; turn < turns; turn += 1) client.ask('session.prompt', { session, text: 'x' })
  const reader = new Client(harness)
  harness.core.tickets.redeem(reader.call('stream.open', { session }).ticket)
  const before = harness.published.length
  const messages = WIRE_LIMITS.maxMessages
  const append = (sequence: number, type: number, body: object) =>
    [{ kind: 'APPEND', session, epoch: 1, sequence, turn: 0, type } as const, encode(body)] as const
  host.send(
    ...upTo(messages - 1).map((sequence) => append(sequence, CHUNK_CODES.text, { content: 'x' })),
    append(messages, CHUNK_CODES.complete, { exit_code: 0, session_id: session }),
  )
  t.equal(harness.published.length - before, messages + turns)
  const sizes = harness.bundles.slice(-5)
  t.same(sizes, [256, 256, 256, 256, turns])
  t.end()
})

t.test('cutting leaves nothing out, keeps the order and stays below the targets', (t) => {
  const sizes = fc.array(fc.nat(BUNDLE_TARGET_BYTES * 1.5), { maxLength: 40 })
  fc.assert(
    fc.property(sizes, fc.nat(600), (large, small) => {
      const bodies = [...large, ...Array.from({ length: small }, () => 3)]
      const messages = bodies.map((size, index) => ({
        head: { kind: 'HEAD', session: 's', sequence: index } as const,
        body: Buffer.alloc(size),
      }))
      const cut = [...bundlesOf(messages)]
      t.same(cut.flat().length, messages.length)
      t.ok(cut.flat().every((message, index) => message === messages[index]))
      for (const bundle of cut) {
        const bytes = bundle.reduce((sum, { body }) => sum + body.length, 0)
        t.ok(bundle.length > 0 && bundle.length <= BUNDLE_TARGET_MESSAGES)
        t.ok(bundle.length === 1 || bytes <= BUNDLE_TARGET_BYTES)
      }
    }),
    { numRuns: 50 },
  )
  t.end()
})
