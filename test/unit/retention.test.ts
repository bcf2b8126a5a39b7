/** Retention: what of a stream goes, what stays, and what its readers are told. */
import fc from 'fast-check'
import t from 'tap'
import {
  cut,
  excessOf,
  excessOfAll,
  isDue,
  RETENTION,
  type RetentionPolicy,
  STEP_BYTES,
} from '../../broker/core/retention.ts'
import type { StoredChunk } from '../../broker/journal/journal.ts'
import type { CoreHarness } from '../support/core-harness.ts'
import { type Client, demo, Host, withSession } from '../support/core-peers.ts'

/** A broker with a session that keeps little. */
function keeping(policy: Partial<RetentionPolicy>, holds: 'agent.prompt'[] = []) {
  const retention = { ...RETENTION, ...policy }
  return withSession({ limits: { retention } }, { holds })
}

/** `count` chunks of about 200 bytes each as they are counted. */
function stream(host: Host, session: string, count: number): void {
  for (let n = 0; n < count; n += 1) host.append(session, 'text', { content: 'x'.repeat(94) })
}

const sequences = (harness: CoreHarness, session: string) =>
  harness.stored(session).map(({ sequence }) => sequence)

const gapsOf = (client: Client, session: string) =>
  client.call('stream.read', { session, from: 1 }).gaps

t.test('a step never cuts what has to stay, and takes no more than is asked', async () => {
  const sizes = fc.array(fc.nat(500), { minLength: 1, maxLength: 40 })
  const property = fc.property(
    sizes,
    fc.nat(5000),
    fc.integer({ min: 1, max: 45 }),
    (of, bytes, keep) => {
      const chunks = of.map(
        (size, index): StoredChunk => ({
          sequence: index + 1,
          producerSequence: 0,
          time: index,
          turn: 0,
          type: 1,
          body: Buffer.alloc(size),
        }),
      )
      const page = { chunks, gaps: [], next: of.length + 1 }
      const { before, bytes: freed } = cut(page, { olderThan: 3, bytes }, keep)
      const gone = chunks.filter(({ sequence }) => sequence < before)
      const last = gone.at(-1)
      const sum = gone.reduce((total, { body }) => total + body.length + 96, 0)
      const isNeeded = !last || last.time < 3 || sum - last.body.length - 96 < bytes
      const isEnough = before >= Math.min(keep, page.next) || (sum >= bytes && before > 3)
      return before <= keep && freed === sum && isNeeded && isEnough
    },
  )
  fc.assert(property)
})

t.test('a stream at its limit is trimmed by a step, not for each chunk', async (t) => {
  const policy = { ...RETENTION, sessionBytes: 8000, totalBytes: 16_000 }
  const stream = { first: 1, through: 9, bytes: 8000, oldestAt: 0 }
  t.equal(isDue(stream, excessOf(stream, policy, 5)), false)
  t.same(excessOf({ ...stream, bytes: 8001 }, policy, 5).bytes, 1001)
  t.same(excessOfAll(16_001, policy).bytes, 2001)
  const large = { ...policy, sessionBytes: 1e9 }
  t.same(excessOf({ ...stream, bytes: 1e9 + 1 }, large, 5).bytes, STEP_BYTES + 1)
})

t.test('the oldest chunks of a session over its bytes go, and readers are told', async (t) => {
  const { harness, client, host, session } = keeping({ sessionBytes: 4000 })
  stream(host, session, 40)
  harness.advance(1000)
  const kept = sequences(harness, session)
  const [first = 0] = kept
  t.same(
    kept,
    Array.from({ length: kept.length }, (_, n) => first + n),
    'no hole',
  )
  t.equal(kept.at(-1), 42)
  t.ok(harness.core.retention.totalBytes <= 4000)
  t.ok(harness.core.retention.totalBytes > 3000, 'not much more than necessary went')
  const gap = { from: 1, to: first - 1, reason: 'retention' }
  t.same(gapsOf(client, session), [gap])
  const after = harness.restart()
  after.advance(1000)
  t.same(sequences(after, session), kept)
  t.equal(after.core.retention.totalBytes, harness.core.retention.totalBytes)
})

t.test('chunks go by their age, but the last one stays and holds the head', async (t) => {
  const { harness, client, host, session } = keeping({ chunkAgeMs: 10_000 })
  stream(host, session, 5)
  harness.advance(9000)
  stream(host, session, 5)
  harness.advance(2000)
  t.same(sequences(harness, session), [8, 9, 10, 11, 12])
  harness.advance(20_000)
  t.same(sequences(harness, session), [12])
  t.same(gapsOf(client, session), [{ from: 1, to: 11, reason: 'retention' }])
  const after = harness.restart()
  t.equal(after.core.streams.of(session).sequence, 12)
  t.equal(after.core.streams.of(session).producer, 10)
})

t.test(
  'when all sessions together keep too much, the oldest chunk goes, whosever it is',
  async (t) => {
    const { harness, client, host, session } = keeping({ totalBytes: 8000 })
    stream(host, session, 20)
    harness.advance(1000)
    const other = client.call('session.create', demo).session
    stream(host, other, 25)
    harness.advance(1000)
    t.ok(harness.core.retention.totalBytes <= 8000)
    t.ok((sequences(harness, session)[0] ?? 0) > 1)
    t.equal(sequences(harness, other).length, 27, 'the newer stream is whole')
  },
)

t.test('the prompt of a turn that its host does not have stays', async (t) => {
  const { harness, client, host, session } = keeping({ sessionBytes: 1000 }, ['agent.prompt'])
  stream(host, session, 10)
  client.ask('session.prompt', { session, text: 'later' })
  stream(host, session, 20)
  harness.advance(1000)
  t.equal(sequences(harness, session)[0], 13, 'the prompt is the first that is kept')
  host.answer('agent.prompt')
  harness.advance(1000)
  t.ok((sequences(harness, session)[0] ?? 0) > 13, 'the host has it, so it may go')
  t.ok(harness.core.retention.totalBytes <= 1000)
})

t.test('a restarted broker gives a host the prompt that it kept for it', async (t) => {
  const { harness, client, host, session } = keeping({ sessionBytes: 1000 }, ['agent.prompt'])
  stream(host, session, 10)
  client.ask('session.prompt', { session, text: 'later' })
  stream(host, session, 20)
  harness.advance(1000)
  const after = harness.restart()
  after.advance(1000)
  t.equal(sequences(after, session)[0], 13)
  const back = new Host(after, 'h1')
  back.register({ session, epoch: 1, produced: 0, turn: 0, pid: 4711 })
  t.match(back.history, [{ method: 'agent.prompt', params: { turn: 1, text: 'later' } }])
})

t.test('a full journal is trimmed all the same', async (t) => {
  const { harness, host, session } = keeping({ chunkAgeMs: 10_000 })
  stream(host, session, 5)
  harness.journal.isFull = true
  harness.advance(11_000)
  t.same(sequences(harness, session), [7])
})

t.test('what was trimmed after the size was saved last is counted anew', async (t) => {
  const { harness, host, session } = keeping({ chunkAgeMs: 10_000 })
  stream(host, session, 10)
  harness.advance(9000)
  stream(host, session, 10)
  harness.advance(2000)
  const bytes = harness.core.retention.totalBytes
  const after = harness.restart()
  after.advance(1000)
  t.equal(after.core.retention.totalBytes, bytes)
})

t.test('one tick reads and trims no more than a step', async (t) => {
  const { harness, host, session } = keeping({ sessionBytes: 65_536 })
  const content = 'x'.repeat(500_000)
  for (let n = 0; n < 20; n += 1) host.append(session, 'text', { content })
  const before = sequences(harness, session).length
  harness.advance(50)
  const went = before - sequences(harness, session).length
  t.ok(went > 0 && went <= 5 + 2, `${went} chunks of half a megabyte went in one tick`)
  harness.advance(2000)
  t.same(sequences(harness, session), [22])
})

t.test('a session that ended long ago is removed, and its name is free', async (t) => {
  const { harness, client, host } = keeping({ endedAgeMs: 20_000 })
  const { session } = client.call('session.create', { ...demo, name: 'blue' })
  host.exit(session, 0)
  const { ticket } = client.call('stream.open', { session })
  harness.core.tickets.redeem(ticket)
  harness.advance(19_000)
  t.equal(client.call('session.get', { session: 'blue' }).status, 'ended')
  harness.advance(2000)
  t.match(client.failure('session.get', { session: 'blue' }), { code: 'NO_SUCH_SESSION' })
  t.same(harness.published.at(-1)?.message.head, { kind: 'ERROR', id: '' })
  t.equal(harness.journal.get('sessions', session), undefined)
  t.equal(harness.journal.head(session).sequence, 0)
  t.equal(harness.core.sessions.size, 1, 'the one that lives stays')
})
