/** Streams in the broker's core: chunks, the disk that fails, tickets, reading back. */
import fc from 'fast-check'
import t from 'tap'
import { encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import { Chaos, STEPS } from '../support/core-chaos.ts'
import type { CoreHarness } from '../support/core-harness.ts'
import { Client, demo, Host, setUp, withSession } from '../support/core-peers.ts'

const text = (content: string) => ({ content })

/** What was published, as `CHUNK 4` or `HEAD 4`. */
function published(harness: CoreHarness): string[] {
  return harness.published.map(({ message: { head } }) =>
    'sequence' in head ? `${head.kind} ${head.sequence}` : head.kind,
  )
}

const acknowledged = (host: Host) => host.heads('APPENDED').map(({ sequence }) => sequence)

function subscribe(harness: CoreHarness, client: Client, session: string): string {
  const { ticket } = client.call('stream.open', { session })
  harness.core.tickets.redeem(ticket)
  harness.core.subscribed(ticket)
  return ticket
}

t.test('a chunk is acknowledged, paid for and published once it is on disk, not before', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  subscribe(harness, client, session)
  host.append(session, 'text', text('hello'))
  t.same([acknowledged(host), host.heads('CREDIT'), published(harness)], [[], [], ['HEAD 2']])
  t.equal(client.call('stream.read', { session, from: 1 }).head, 2)
  harness.commit()
  t.same(acknowledged(host), [1])
  t.match(host.heads('CREDIT'), [{ bytes: encode(text('hello')).length }])
  t.same(published(harness), ['HEAD 2', 'CHUNK 3'])
  t.equal(client.call('stream.read', { session, from: 1 }).head, 3)
  t.end()
})

t.test(
  'chunks and the records of the broker are one sequence in the order of their coming',
  (t) => {
    const { harness, client, host, session } = withSession({ durability: 'manual' })
    host.append(session, 'text', text('a'))
    client.ask('session.prompt', { session, text: 'x' })
    host.append(session, 'text', text('b'))
    harness.settle()
    const stored = harness.stored(session)
    t.same(
      stored.map(({ sequence }) => sequence),
      [1, 2, 3, 4, 5],
    )
    const { status, text: answer, prompt } = CHUNK_CODES
    t.same(
      stored.map(({ type }) => type),
      [status, status, answer, prompt, answer],
    )
    t.same(
      stored.map(({ producerSequence }) => producerSequence),
      [0, 0, 1, 1, 2],
    )
    t.end()
  },
)

t.test('a duplicate is acknowledged with what is on disk, and stored once', (t) => {
  const { harness, host, session } = withSession({ durability: 'manual' })
  host.append(session, 'text', text('a'))
  host.append(session, 'text', text('a'), { sequence: 1 })
  t.same(acknowledged(host), [0])
  harness.settle()
  host.append(session, 'text', text('a'), { sequence: 1 })
  t.same(acknowledged(host), [0, 1, 1])
  t.equal(harness.stored(session).length, 3)
  t.equal(host.heads('CREDIT').length, 3, 'the credit of a duplicate is given back as well')
  t.end()
})

t.test('a hole is complained about once in each bundle, and its credit given back', (t) => {
  const { harness, host, session } = withSession()
  const head = { kind: 'APPEND', session, epoch: 1, turn: 0, type: CHUNK_CODES.text } as const
  host.send(
    [{ ...head, sequence: 2 }, Buffer.alloc(10)],
    [{ ...head, sequence: 3 }, Buffer.alloc(10)],
  )
  t.same(host.complaints(), ['SEQUENCE_HOLE'])
  t.match(host.errorOf(''), { details: { session, got: 2, expected: 1 } })
  t.match(host.heads('CREDIT'), [{ bytes: 20 }])
  t.equal(harness.stored(session).length, 2)
  t.end()
})

t.test('a chunk under another lease is FENCED, whoever sends it', (t) => {
  const { harness, host, session } = withSession()
  const other = new Host(harness, 'h2')
  other.append(session, 'text', text('unregistered'))
  t.same(other.complaints(), ['FORBIDDEN'])
  other.register()
  other.append(session, 'text', text('not mine'))
  host.append(session, 'text', text('future'), { epoch: 2 })
  host.append('no-such-session', 'text', text('x'))
  t.same(
    [other.complaints(), host.complaints()],
    [
      ['FORBIDDEN', 'FENCED'],
      ['FENCED', 'FENCED'],
    ],
  )
  t.equal(harness.stored(session).length, 2)
  t.end()
})

t.test('a chunk that does not fit is refused before it has a number', (t) => {
  const { harness, client, host, session } = withSession()
  host.append(session, 'text', text('x'), { turn: 2 ** 40 })
  host.append(session, 'complete', { exit_code: 'zero' } as never, { sequence: 1 })
  t.same(host.complaints(), ['INVALID_MESSAGE', 'INVALID_MESSAGE'])
  host.append(session, 'text', text('good'), { sequence: 1 })
  t.same(acknowledged(host), [1])
  t.equal(harness.stored(session).length, 3)
  t.match(client.call('session.prompt', { session, text: 'x' }), { sequence: 4 })
  t.end()
})

t.test('the end of a life is acknowledged under its own epoch, though the next has begun', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  host.append(session, 'text', text('a'))
  host.exit(session, 0)
  const recover = client.ask('session.recover', { session })
  harness.settle()
  t.match(client.resultOf('session.recover', recover), { epoch: 2 })
  t.match(host.heads('APPENDED'), [
    { epoch: 1, sequence: 1 },
    { epoch: 1, sequence: 2 },
  ])
  host.append(session, 'text', text('b'), { epoch: 2 })
  harness.settle()
  t.match(host.heads('APPENDED').at(-1), { epoch: 2, sequence: 1 })
  t.same(
    harness.stored(session).map(({ sequence }) => sequence),
    [1, 2, 3, 4, 5, 6, 7],
  )
  t.end()
})

t.test(
  'with a full disk nothing is acknowledged, memory falls back, and the host heals it',
  (t) => {
    const { harness, client, host, session } = withSession({ durability: 'manual' })
    subscribe(harness, client, session)
    harness.journal.isFull = true
    host.append(session, 'text', text('a'))
    host.exit(session, 0)
    const prompt = client.ask('session.create', { ...demo, name: 'anna' }, { key: 'k' })
    harness.settle()
    t.match(client.errorOf(prompt), { code: 'STORAGE_FULL', executed: 'no', retryable: true })
    t.same([acknowledged(host), published(harness)], [[], ['HEAD 2']])
    t.ok(host.complaints().includes('STORAGE_FULL'))
    t.ok(host.heads('CREDIT').length > 0)
    t.match(client.call('session.get', { session }), { status: 'idle', head: 2 })
    t.match(client.call('session.list', {}), { total: 1 })
    t.match(client.call('system.health', {}), { status: 'degraded' })
    t.equal(client.call('stream.read', { session, from: 1 }).chunks.length, 2, 'reads go on')
    harness.journal.isFull = false
    host.append(session, 'text', text('a'), { sequence: 1 })
    host.append(session, 'complete', { exit_code: 0, session_id: session }, { sequence: 2 })
    const again = client.ask('session.create', { ...demo, name: 'anna' }, { key: 'k' })
    harness.settle()
    t.equal(acknowledged(host).at(-1), 2)
    t.match(client.call('session.get', { session }), { status: 'ended' })
    t.match(client.resultOf('session.create', again), { status: 'idle' })
    t.match(client.call('system.health', {}), { status: 'ok', problems: [] })
    t.same(
      harness.stored(session).map(({ sequence }) => sequence),
      [1, 2, 3, 4],
    )
    t.end()
  },
)

t.test('a turn that has ended is told so when its end is on disk, with a head that has it', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  client.ask('session.prompt', { session, text: 'x' })
  harness.settle()
  t.match(client.call('session.get', { session }), { pending_turns: 1, head: 3 }, 'at once')
  host.append(session, 'text', text('a'))
  host.endTurn(session, 1)
  const asked = [client.ask('session.get', { session }), client.ask('session.list', {})]
  t.notOk(asked.some((id) => client.hasEnd(id)))
  harness.settle()
  const info = { status: 'idle', pending_turns: 0, head: 5 }
  t.match(client.resultOf('session.get', asked[0] ?? ''), info)
  t.match(client.resultOf('session.list', asked[1] ?? ''), { sessions: [info], total: 1 })
  t.equal(harness.stored(session).length, 5)
  t.end()
})

t.test('when it cannot be written, what is told is what is on disk', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  client.ask('session.prompt', { session, text: 'x' })
  harness.settle()
  harness.journal.isFull = true
  host.endTurn(session, 1)
  client.ask('session.create', { ...demo, name: 'anna' })
  const asked = [
    client.ask('session.get', { session }),
    client.ask('session.get', { session: 'anna' }),
    client.ask('session.list', {}),
  ]
  harness.settle()
  const info = { status: 'running', pending_turns: 1, head: 3 }
  t.match(client.resultOf('session.get', asked[0] ?? ''), info)
  t.match(client.errorOf(asked[1] ?? ''), { code: 'NO_SUCH_SESSION' })
  t.match(client.resultOf('session.list', asked[2] ?? ''), { sessions: [info] })
  t.end()
})

t.test('what the broker could not write of a lost host is told when there is room', (t) => {
  const { harness, client, host, session } = withSession()
  harness.journal.isFull = true
  host.leave()
  t.equal(harness.core.redo.size, 1)
  harness.advance(3000)
  t.equal(harness.core.redo.size, 1)
  harness.journal.isFull = false
  harness.advance(1000)
  t.match(client.call('session.get', { session }), { status: 'lost', head: 3 })
  t.equal(harness.core.redo.size, 0)
  t.end()
})

t.test('a start that could not be written as done is written when there is room', (t) => {
  const { harness, client, host } = setUp({}, { holds: ['agent.start'] })
  const id = client.ask('session.create', demo)
  harness.journal.isFull = true
  host.answer('agent.start')
  t.equal(client.hasEnd(id), false)
  harness.journal.isFull = false
  harness.advance(1000)
  t.match(client.resultOf('session.create', id), { status: 'idle' })
  t.end()
})

t.test('what a host reported while the disk was full is written when there is room', (t) => {
  const { harness, client, host, session } = withSession()
  const dead = client.call('session.create', demo).session
  client.call('session.prompt', { session: dead, text: 'x' })
  host.leave()
  harness.journal.isFull = true
  const back = new Host(harness, 'h1', { holds: ['agent.prompt'] })
  back.register({ session, epoch: 1, turn: 0, produced: 0, pid: 1 })
  harness.advance(2000)
  harness.journal.isFull = false
  harness.advance(1000)
  t.match(client.call('session.get', { session }), { status: 'idle' })
  t.match(client.call('session.get', { session: dead }), { status: 'failed', pending_turns: 0 })
  t.end()
})

t.test('a write that the journal refuses at once fails alone', (t) => {
  const { harness, client, session } = withSession()
  const write = harness.journal.write.bind(harness.journal)
  harness.journal.write = () => {
    throw new ProtocolError('INVALID_MESSAGE', { what: 'journal operation', reason: 'the test' })
  }
  const error = client.failure('session.prompt', { session, text: 'x' })
  t.match(error, { code: 'INVALID_MESSAGE', executed: 'no' })
  t.match(client.call('session.get', { session }), { status: 'idle', turn: 0 })
  harness.journal.write = write
  t.match(client.call('session.prompt', { session, text: 'x' }), { turn: 1, sequence: 3 })
  t.end()
})

t.test('a failed write of a session whose record is damaged still ends its calls', (t) => {
  const { harness, client, session } = withSession()
  harness.journal.isFull = true
  harness.journal.get = () => {
    throw new ProtocolError('STORAGE_FAILED', { reason: 'checksum' })
  }
  t.match(client.failure('session.prompt', { session, text: 'x' }), { code: 'STORAGE_FULL' })
  t.match(harness.logs.at(-1), { event: 'session not rewound', fields: { session } })
  t.end()
})

t.test('a callback that throws keeps no other from its turn', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  harness.core.batch.add([], () => {
    throw new Error('a defect')
  })
  const id = client.ask('session.create', demo)
  harness.settle()
  t.match(client.resultOf('session.create', id), { status: 'idle' })
  t.match(harness.logs.at(-1), { event: 'defect', fields: { err: { message: 'a defect' } } })
  t.end()
})

t.test('the prompt, the environment and the bodies are in no line of the log', (t) => {
  const { harness, client, host } = setUp({}, { holds: ['agent.prompt'] })
  const secret = 'canary'
  const { session } = client.call('session.create', {
    ...{ ...demo, env: { KEY: secret }, system_prompt: secret, extra_args: [secret] },
  })
  client.ask('session.prompt', { session, text: secret })
  host.append(session, 'text', text(secret))
  host.send([{ kind: 'REPLY', id: '1' }, Buffer.from(secret)])
  harness.journal.isFull = true
  host.append(session, 'text', text(secret))
  client.failure('session.prompt', { session, text: secret })
  host.leave()
  harness.journal.isFull = false
  const back = new Host(harness, 'h1', { holds: ['agent.prompt'] })
  back.register({ session, epoch: 1, turn: 0, produced: 1, pid: 1 })
  back.refuse('agent.prompt', 'INTERNAL')
  client.failure('session.create', { backend: secret, name: 7 } as never)
  t.ok(harness.logs.length > 4)
  t.notMatch(JSON.stringify(harness.logs), secret)
  t.end()
})

t.test('a ticket is good for one subscription, which hears HEAD at once', (t) => {
  const { harness, client, session } = withSession()
  const { ticket, topic, head } = client.call('stream.open', { session })
  t.equal(head, 2)
  t.equal(harness.core.tickets.redeem(ticket)?.topic, topic)
  harness.core.subscribed(ticket)
  t.match(harness.published, [{ topic, message: { head: { kind: 'HEAD', session, sequence: 2 } } }])
  t.equal(harness.core.tickets.redeem(ticket), undefined)
  t.equal(harness.core.tickets.redeem('guessed'), undefined)
  t.end()
})

t.test('HEAD is repeated each second while the stream is silent, and only for readers', (t) => {
  const { harness, client, host, session } = withSession()
  client.call('session.create', demo)
  subscribe(harness, client, session)
  harness.advance(950)
  host.append(session, 'text', text('a'))
  t.same(published(harness), ['HEAD 2', 'CHUNK 3'])
  harness.advance(950)
  t.equal(published(harness).length, 2)
  harness.advance(1050)
  t.same(published(harness), ['HEAD 2', 'CHUNK 3', 'HEAD 3', 'HEAD 3'])
  t.end()
})

t.test('without readers nothing is published', (t) => {
  const { harness, client, host, session } = withSession()
  const tickets = [subscribe(harness, client, session), subscribe(harness, client, session)]
  for (const ticket of tickets) client.call('stream.close', { ticket })
  client.call('stream.close', { ticket: tickets[0] ?? '' })
  const before = harness.published.length
  host.append(session, 'text', text('a'))
  harness.advance(2000)
  t.equal(harness.published.length, before)
  t.equal(harness.core.streams.of(session).subscribers, 0)
  t.end()
})

t.test('a closed ticket still unsubscribes its pipe, in whichever order that comes', (t) => {
  const { harness, client, session } = withSession()
  const { tickets, streams } = harness.core
  const first = subscribe(harness, client, session)
  client.call('stream.close', { ticket: first })
  t.equal(tickets.release(first), streams.of(session), 'the topic to take the pipe off')
  const second = subscribe(harness, client, session)
  t.equal(tickets.release(second), streams.of(session))
  client.call('stream.close', { ticket: second })
  t.equal(tickets.release(second), undefined)
  t.same([tickets.size, streams.of(session).subscribers], [0, 0])
  t.end()
})

t.test('the tickets of a connection end with it, and unredeemed ones after a while', (t) => {
  const { harness, client, session } = withSession()
  const { tickets, streams } = harness.core
  subscribe(harness, client, session)
  client.call('stream.open', { session })
  client.leave()
  t.same([tickets.size, streams.of(session).subscribers], [0, 0])
  const late = new Client(harness)
  const { ticket } = late.call('stream.open', { session })
  harness.advance(30_000)
  t.equal(tickets.redeem(ticket), undefined)
  t.end()
})

t.test('one connection holds a bounded number of tickets', (t) => {
  const { harness, client, session } = withSession()
  for (let count = 0; count < 4096; count += 1) {
    harness.core.tickets.issue(session, { connection: client.connection, principal: 'local' }, 0, 0)
  }
  t.match(client.failure('stream.open', { session }), {
    code: 'OVERLOADED',
    details: { limit: 4096 },
  })
  t.match(new Client(harness).call('stream.open', { session }), { head: 2 })
  t.end()
})

t.test('a stream is read in pages by count and by bytes', (t) => {
  const { client, host, session } = withSession()
  for (let count = 0; count < 6; count += 1) host.append(session, 'text', text('x'.repeat(100)))
  const read = (params: object) => {
    const page = client.call('stream.read', { session, from: 3, ...params })
    return [page.chunks.map(([sequence]) => sequence), page.next, page.head]
  }
  t.same(read({}), [[3, 4, 5, 6, 7, 8], 9, 8])
  t.same(read({ max_count: 2 }), [[3, 4], 5, 8])
  t.same(read({ max_bytes: 250 }), [[3, 4], 5, 8])
  t.same(read({ max_bytes: 1 }), [[3], 4, 8], 'the first is always given')
  t.same(read({ to: 4 }), [[3, 4], 5, 8])
  t.same(read({ from: 9 }), [[], 9, 8])
  t.end()
})

t.test('what is damaged is told as a gap', (t) => {
  const { harness, client, host, session } = withSession()
  for (let count = 0; count < 3; count += 1) host.append(session, 'text', text('x'))
  harness.journal.damage(session, 3)
  harness.journal.damage(session, 4)
  const page = client.call('stream.read', { session, from: 1 })
  t.same(
    page.chunks.map(([sequence]) => sequence),
    [1, 2, 5],
  )
  t.same(page.gaps, [{ from: 3, to: 4, reason: 'corrupt' }])
  t.match(client.call('system.health', {}).problems, [/2 records .* failed their checksum/])
  t.end()
})

t.test('whatever happens in whatever order, every promise is kept', (t) => {
  const step = fc.tuple(fc.constantFrom(...STEPS), fc.nat(1000))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), fc.nat(), (steps, seed) => {
      const chaos = new Chaos(seed)
      for (const [name, choice] of steps) chaos.step(name, choice)
      chaos.end()
    }),
    { numRuns: Number(process.env['CHAOS_RUNS'] ?? 100), includeErrorInReport: true },
  )
  t.end()
})
