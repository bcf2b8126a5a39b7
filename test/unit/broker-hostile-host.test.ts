/** A host in other hands: what it can send to the broker, and that it concerns its own sessions alone. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { encode } from '../../protocol/codec.ts'
import { CHUNK_CODES, type ChunkType } from '../../protocol/messages/chunk.ts'
import type { Head } from '../../protocol/messages/index.ts'
import { METHODS } from '../../protocol/methods/index.ts'
import { KINDS, messageOf } from '../support/arbitrary.ts'
import { CoreHarness } from '../support/core-harness.ts'
import { Client, demo, Host, withSession } from '../support/core-peers.ts'

/** What only the victim, its users and the journal may ever see. */
const SECRETS = [
  'said-by-the-user',
  'said-by-the-agent',
  'value-of-a-variable',
  'tool-of-the-agent',
]

/** A host with a session in the middle of its work, and another one that is in other hands. */
function stage() {
  const harness = new CoreHarness()
  const client = new Client(harness)
  const victim = new Host(harness, 'victim', { principal: 'lab', labels: ['lab'] })
  victim.register()
  const start = { ...demo, labels: ['lab'], env: { KEY: 'value-of-a-variable' } }
  const { session } = client.call('session.create', start)
  client.call('session.prompt', { session, text: 'said-by-the-user' })
  victim.append(session, 'text', { content: 'said-by-the-agent' }, { turn: 1 })
  const question = { tool_name: 'tool-of-the-agent' }
  const approval = victim.askApproval(session, 'question-1', question, 1)
  const thief = new Host(harness, 'thief', { principal: 'thief', name: 'thief' })
  thief.register()
  const own = client.call('session.create', { ...demo, host: 'thief' }).session
  client.call('session.prompt', { session: own, text: 'for the thief' })
  return { harness, client, victim, thief, session, own, approval }
}

type Stage = ReturnType<typeof stage>

/** All that others see of the victim's session. */
function standing({ harness, client, session, victim }: Stage): string {
  const chunks = harness.stored(session).map(({ sequence, type, turn, body }) => {
    return [sequence, type, turn, body.toString('hex')]
  })
  const info = client.call('session.get', { session })
  const { host, name, labels, slots } = client.call('host.get', { host: victim.id })
  const { approvals } = client.call('approval.list', { session })
  return JSON.stringify([chunks, info, { host, name, labels, slots }, approvals])
}

/** Whatever came to a connection, as text. */
function heard(host: Host): string {
  return host.received
    .map(({ head, body }) => `${JSON.stringify(head)} ${body.toString('latin1')}`)
    .join('\n')
}

function checkUntouched(t: Test, before: string, at: Stage): void {
  if (standing(at) !== before) t.equal(standing(at), before, 'the session of another host changed')
  const words = heard(at.thief)
  const found = SECRETS.filter((secret) => words.includes(secret))
  if (found.length > 0) t.strictSame(found, [], 'it heard what is not for it')
}

const request = (method: string, params: object, id = 'r'): readonly [Head, Buffer] => [
  { kind: 'REQUEST', id, method, target: '', remaining_ms: 0, key: '', trace: '' },
  encode(params),
]

t.test('with the role of a host nothing can be asked but what hosts tell', (t) => {
  const { thief } = stage()
  const own = ['host.register', 'host.usage']
  for (const [method, { answeredBy }] of Object.entries(METHODS)) {
    if (own.includes(method)) continue
    thief.send(request(method, {}, method))
    const expected = answeredBy === 'host' ? 'UNKNOWN_METHOD' : 'FORBIDDEN'
    t.equal(thief.errorOf(method).code, expected, method)
  }
  t.end()
})

t.test('a session of another host is not reported, kept, ended or told of', (t) => {
  const at = stage()
  const { thief, session, own } = at
  const before = standing(at)
  const lie = { epoch: 1, produced: 9, turn: 99, pid: 1 }
  const { sessions } = thief.register({ ...lie, session }, { ...lie, session: own })
  t.match(sessions, [
    { session, keep: false, acknowledged: 0 },
    { session: own, keep: true },
  ])
  thief.call('host.usage', {
    sessions: [{ session, epoch: 1, cpu_ms: 1, rss_bytes: 1, processes: 1 }],
  })
  checkUntouched(t, before, at)
  t.end()
})

t.test('a lease that may fall back falls back to its own host alone', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  host.exit(session, 1)
  harness.settle()
  client.ask('session.recover', { session }) // its new epoch is not on disk yet
  const reported = { session, epoch: 1, produced: 0, turn: 0, pid: 1 }
  const thief = new Host(harness, 'thief', { principal: 'thief' })
  t.match(thief.register(reported), { sessions: [{ keep: false }] })
  t.match(host.register(reported), { sessions: [{ keep: true }] })
  t.end()
})

t.test('not even whether a session exists is told to a host that does not have it', (t) => {
  const at = stage()
  const { thief, session } = at
  const complaint = (id: string): string => {
    thief.received.length = 0
    thief.append(id, 'text', { content: 'x' }, { epoch: 7, sequence: 1 })
    return heard(thief).replaceAll(id, 'ID')
  }
  t.match(complaint(session), /FENCED/)
  t.equal(
    complaint(session),
    complaint(session.replace(/.$/, (last) => (last === '0' ? '1' : '0'))),
  )
  t.end()
})

t.test('what users said and what became of a session is not for a host to write', (t) => {
  const { harness, thief, own, client } = stage()
  const before = harness.stored(own).length
  const bodies: Partial<Record<ChunkType, object>> = {
    prompt: { text: 'I never said this', principal: 'local' },
    status: { status: 'failed' },
    event: { topic: 'host', event: 'offline', id: 'victim', data: {} },
    complete: { exit_code: 0, session_id: 'another' },
    approval_settled: { approval: 'q', outcome: 'allow', by: 'local' },
  }
  for (const [type, body] of Object.entries(bodies)) {
    const head = { session: own, epoch: 1, sequence: 1, turn: 1 }
    const code = CHUNK_CODES[type as ChunkType]
    thief.send([{ kind: 'APPEND', ...head, type: code }, encode(body)])
    t.equal(thief.complaints().at(-1), 'INVALID_MESSAGE', type)
  }
  t.equal(harness.stored(own).length, before)
  thief.append(own, 'text', { content: 'goes on' }, { turn: 1 })
  t.equal(harness.stored(own).length, before + 1)
  t.match(client.call('session.get', { session: own }), { status: 'running' })
  t.end()
})

t.test('a question of another session cannot be withdrawn, and a like one is another one', (t) => {
  const at = stage()
  const { thief, own, approval, client, victim } = at
  const before = standing(at)
  thief.append(own, 'approval_settled', { approval, outcome: 'withdrawn', by: '', reason: 'no' })
  thief.exit(own, 0)
  checkUntouched(t, before, at)
  t.match(client.call('approval.answer', { approval, decision: 'deny' }), { state: 'applied' })
  t.match(victim.history.at(-1), { method: 'agent.answer', params: { approval } })
  t.end()
})

t.test('an answer counts only from the host that was asked', (t) => {
  const { harness, client, victim, thief, session } = stage()
  victim.holds.add('agent.interrupt')
  const asked = client.ask('session.interrupt', { session })
  const [waiting] = victim.asked
  const id = waiting?.head.id ?? ''
  t.not(id, '')
  thief.send([{ kind: 'REPLY', id }, encode({ interrupted: true, turn: 7 })])
  const error = {
    code: 'AGENT_GONE',
    message: 'x',
    executed: 'yes',
    where: 'host',
    retryable: false,
  }
  thief.send([{ kind: 'ERROR', id }, encode(error)])
  t.notOk(client.hasEnd(asked))
  victim.answer('agent.interrupt', { interrupted: true, turn: 1 })
  t.match(client.resultOf('session.interrupt', asked), { interrupted: true, turn: 1 })
  // Its own request is ended by itself alone as well: an id counts on the connection that made it.
  victim.send([{ kind: 'CANCEL', id: 'r1' }, Buffer.alloc(0)])
  t.match(client.call('session.get', { session }), { status: 'running' })
  t.ok(harness)
  t.end()
})

t.test('what a host says of a failure takes as much room as an error may', (t) => {
  const { client, thief } = stage()
  thief.holds.add('agent.start')
  const asked = client.ask('session.create', { ...demo, host: 'thief' })
  const [{ head } = { head: { id: '' } }] = thief.asked
  const long = 'x'.repeat(1_000_000)
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`d${at}`, 'x']))
  const body = { code: 'START_FAILED', message: long, executed: 'no', where: 'host' } as const
  const details = { backend: 'demo', reason: long, ...many }
  thief.send([{ kind: 'ERROR', id: head.id }, encode({ ...body, details, retryable: false })])
  const error = client.errorOf(asked)
  t.equal(error.code, 'START_FAILED')
  t.ok(error.message.length < 5000)
  t.ok(Object.keys(error.details ?? {}).length <= 16)
  const failed = client.call('session.list', {}).sessions.find(({ status }) => status === 'failed')
  t.ok((failed?.reason.length ?? Infinity) < 5000)
  t.end()
})

t.test('the end of a process is told in as many words as a list may show', (t) => {
  const { client, thief, own } = stage()
  const reason = 'r'.repeat(100_000)
  const end = { exit_code: null, session_id: own, signal: 's'.repeat(1000), reason }
  thief.append(own, 'complete', end)
  const info = client.call('session.get', { session: own })
  t.equal(info.status, 'failed')
  t.ok(info.reason.length <= 4096 && info.signal.length <= 32)
  t.end()
})

/** Messages with what a hostile host may know of others: ids, epochs, numbers that fit. */
function aimed({ session, own, approval }: Stage): fc.Arbitrary<readonly [Head, Buffer]> {
  const id = fc.constantFrom(session, own, 'victim', '@events', `${session}/x`, '')
  const number = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4), fc.nat(), fc.maxSafeNat())
  const text = fc.constantFrom('said by the thief', approval, session)
  const chunk = fc.record({
    ...{ content: text, text, message: text, approval: fc.constant(approval), principal: text },
    outcome: fc.constantFrom('allow', 'withdrawn'),
    ...{ by: fc.constantFrom('', 'local'), exit_code: fc.constantFrom(0, null), session_id: id },
    ...{ turn_number: number, reason: fc.constantFrom('end_turn', 'gone'), status: text },
    ...{ topic: fc.constant('session'), event: fc.constant('removed'), id, data: fc.object() },
    ...{ tool_id: text, tool_name: text, input: text, options: fc.constant(['allow']) },
    ...{ result: text, is_error: fc.boolean(), input_tokens: number, output_tokens: number },
  })
  const append = fc
    .record({ session: id, epoch: number, sequence: number, turn: number, type: fc.nat(20) })
    .map((fields): Head => ({ kind: 'APPEND', ...fields }))
  const answer = fc
    .record({ kind: fc.constantFrom('REPLY' as const, 'ERROR' as const), at: fc.nat(40) })
    .map(({ kind, at }): Head => ({ kind, id: `${at}` }))
  const method = fc.oneof(
    fc.constantFrom('host.register', 'host.usage'),
    fc.constantFrom(...Object.keys(METHODS)),
  )
  const params = fc.record({
    ...{ session: id, stream: id, host: fc.constantFrom('victim', 'thief', 'h2'), name: id },
    ...{ from: number, ticket: text, approval: fc.constant(approval), decision: text },
    sessions: fc.array(
      fc.record({ session: id, epoch: number, produced: number, turn: number, pid: number }),
    ),
    ...{ labels: fc.constant(['lab']), slots: fc.constant(9), backends: fc.constant([]) },
    ...{ software: text, pid: fc.nat() },
  })
  const body = chunk.map((value) => encode(value))
  return fc.oneof(
    fc.tuple(append, body),
    fc.tuple(answer, body),
    fc.tuple(method, params, fc.nat()).map(([name, value, at]) => request(name, value, `q${at}`)),
    fc
      .constantFrom(...KINDS)
      .chain(messageOf)
      .map(({ head, body: bytes }): readonly [Head, Buffer] => [head, bytes]),
  )
}

t.test('whatever a host sends, the sessions of others stay as they are and unheard', (t) => {
  const ids = stage() // the same in each stage: chance is seeded
  const next = fc.constant('next' as const) // a chunk of its own, as it should be
  const steps = fc.array(fc.oneof(next, aimed(ids)), { minLength: 10, maxLength: 40 })
  let taken = 0
  fc.assert(
    fc.property(steps, (messages) => {
      const at = stage()
      const { thief, own } = at
      const before = standing(at)
      const known = at.harness.stored(own).length
      for (const message of messages) {
        if (message === 'next') thief.append(own, 'text', { content: 'mine' }, { turn: 1 })
        else thief.send(message)
      }
      at.harness.advance(100)
      taken += at.harness.stored(own).length - known
      checkUntouched(t, before, at)
    }),
    { numRuns: 200, seed: 11 },
  )
  t.ok(taken > 200, `only ${taken} of its own chunks were taken, so that this shows little`)
  t.end()
})
