/** The credit of hosts: what one may have on the way to the disk, and what becomes of one that does not wait. */
import t from 'tap'
import type { CoreLimits } from '../../broker/core/core.ts'
import { encode } from '../../protocol/codec.ts'
import type { ProtocolError } from '../../protocol/errors.ts'
import { WIRE_LIMITS } from '../../protocol/limits.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import { Host, withSession } from '../support/core-peers.ts'

/** A host with a session, on a disk that writes when it is told to. */
function stage(limits: Partial<CoreLimits> = {}) {
  const banished: [connection: string, error: ProtocolError][] = []
  const { harness, host, session } = withSession({
    durability: 'manual',
    limits: { hostCreditBytes: 100_000, ...limits },
    access: { banish: (connection, error) => banished.push([connection, error]) },
  })
  const spent = () => harness.core.appends.creditSpent(host.connection)
  const granted = () => host.heads('CREDIT').reduce((sum, { bytes }) => sum + bytes, 0)
  return { harness, host, session, banished, spent, granted }
}

const CHUNK = { content: 'x'.repeat(10_000) }
const BYTES = encode(CHUNK).length

t.test('what a host sends within its credit is taken, and its credit comes back', (t) => {
  const { harness, host, session, banished, spent, granted } = stage()
  for (let count = 0; count < 9; count += 1) host.append(session, 'text', CHUNK)
  t.equal(spent(), 9 * BYTES)
  t.equal(granted(), 0)
  harness.settle()
  t.equal(spent(), 0)
  t.equal(granted(), 9 * BYTES)
  t.same(banished, [])
  t.end()
})

t.test('the last chunk may be as large as a message, whatever credit is left', (t) => {
  const { host, session, banished } = stage()
  for (let count = 0; count < 9; count += 1) host.append(session, 'text', CHUNK)
  host.append(session, 'text', { content: 'x'.repeat(WIRE_LIMITS.maxBodiesBytes - 100) })
  t.same(banished, [])
  t.end()
})

t.test('a host that does not wait for credit loses its connection, with a reason', (t) => {
  const { harness, host, session, banished } = stage()
  const large = { content: 'x'.repeat(1_000_000) }
  for (let count = 0; count < 4; count += 1) host.append(session, 'text', large)
  t.same(banished, [])
  host.append(session, 'text', large)
  t.match(banished, [
    [
      host.connection,
      {
        code: 'OVERLOADED',
        details: { what: 'the credit of host name of h1', limit: '100000 bytes' },
      },
    ],
  ])
  t.equal(harness.core.tally.limitsReached.get('credit'), 1)
  t.equal(harness.logs.at(-1)?.event, 'host beyond its credit')
  const taken = harness.core.streams.of(session).producer
  t.equal(taken, 4, 'and the chunk is not taken')
  t.end()
})

t.test('what is sent again counts as well, also when it is not wanted', (t) => {
  const { host, session, banished } = stage()
  const large = { content: 'x'.repeat(1_000_000) }
  for (let count = 0; count < 5; count += 1) {
    host.append(session, 'text', large, { epoch: 7 }) // fenced
  }
  t.same(banished, [], 'what is refused at once gives its credit back at once')
  t.end()
})

t.test('chunks of next to nothing are bounded by their number', (t) => {
  const { harness, host, session, banished } = stage()
  const body = encode({ content: '' })
  const type = CHUNK_CODES.text
  for (let from = 1; from <= 65_536; from += 1024) {
    const heads = Array.from({ length: 1024 }, (_, index) => {
      return { kind: 'APPEND', session, epoch: 1, sequence: from + index, turn: 0, type } as const
    })
    host.send(...heads.map((head) => [head, body] as const))
  }
  t.same(banished, [])
  const head = { kind: 'APPEND', session, epoch: 1, turn: 0, type } as const
  host.send([{ ...head, sequence: 65_537 }, body])
  host.send([{ ...head, sequence: 65_538 }, body])
  t.equal(banished.length, 1)
  harness.settle()
  t.equal(harness.core.streams.of(session).producerDurable, 65_537)
  t.end()
})

t.test('a host that shakes hands anew has all its credit, and gets nothing of before', (t) => {
  const { harness, host, session, spent, granted, banished } = stage()
  for (let count = 0; count < 9; count += 1) host.append(session, 'text', CHUNK)
  harness.core.connectionBegan(host.connection)
  host.register({ session, epoch: 1, pid: 4711, turn: 0, produced: 9 })
  t.equal(spent(), 0)
  harness.settle()
  t.equal(granted(), 0, 'it would have more than its credit')
  t.equal(spent(), 0)
  host.append(session, 'text', CHUNK)
  harness.settle()
  t.equal(granted(), BYTES)
  t.same(banished, [])
  t.end()
})

t.test('the credit of one host is no matter of another', (t) => {
  const { harness, host, session, banished } = stage()
  const other = new Host(harness, 'h2')
  other.register()
  harness.settle()
  const large = { content: 'x'.repeat(1_000_000) }
  for (let count = 0; count < 5; count += 1) host.append(session, 'text', large)
  t.equal(banished.length, 1)
  t.equal(harness.core.appends.creditSpent(other.connection), 0)
  t.end()
})
