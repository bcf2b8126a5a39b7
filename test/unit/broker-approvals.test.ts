/** Questions of agents in the broker's core: every change of state, who wins, expiry, loss, limits. */
import t from 'tap'
import { decodeTrusted } from '../../protocol/codec.ts'
import { CHUNK_CODES, type ChunkBody } from '../../protocol/messages/chunk.ts'
import type { ApprovalInfo } from '../../protocol/methods/types.ts'
import type { CoreHarness } from '../support/core-harness.ts'
import { Client, demo, Host, setUp, withSession } from '../support/core-peers.ts'

/** What the stream tells of questions: `asked q1`, `q1 allow by local`. */
function told(harness: CoreHarness, session: string): string[] {
  return harness.stored(session).flatMap(({ type, body }) => {
    const fields = decodeTrusted(body)
    if (type === CHUNK_CODES.approval_request) {
      return [`asked ${(fields as ChunkBody<'approval_request'>).approval}`]
    }
    if (type !== CHUNK_CODES.approval_settled) return []
    const { approval, outcome, by } = fields as ChunkBody<'approval_settled'>
    return [`${approval} ${outcome}${by && ` by ${by}`}`]
  })
}

function one(client: Client, approval: string): ApprovalInfo | undefined {
  const { approvals } = client.call('approval.list', { changed_since: 0 })
  return approvals.find((info) => info.approval === approval)
}

const stateOf = (client: Client, approval: string) => one(client, approval)?.state
const answers = (host: Host) => host.history.filter(({ method }) => method === 'agent.answer')
const alive = (session: string, epoch = 1) => ({ session, epoch, turn: 0, produced: 1, pid: 4711 })

t.test('a question is listed, answered, given to the host, and applied', (t) => {
  const { harness, client, host, session } = withSession()
  host.askApproval(session, 'q-1', { title: 'make x' })
  t.match(client.call('approval.list', {}), {
    approvals: [
      {
        ...{ approval: 'q-1', session, state: 'pending', tool_name: 'Bash', title: 'make x' },
        ...{ input: { command: 'touch x' }, options: ['allow', 'allow_always', 'deny'] },
      },
    ],
    more: false,
  })
  t.equal(client.call('session.get', { session }).pending_approvals, 1)
  const params = { approval: 'q-1', decision: 'deny', message: 'no', interrupt: true } as const
  t.match(client.call('approval.answer', params), {
    state: 'applied',
    outcome: 'deny',
    by: 'local',
  })
  const { approval: _, ...rest } = params
  t.match(answers(host), [{ params: { session, epoch: 1, approval: 'q-1', ...rest } }])
  t.same(told(harness, session), ['asked q-1', 'q-1 deny by local'])
  t.same(client.call('approval.list', {}).approvals, [])
  t.equal(client.call('session.get', { session }).pending_approvals, 0)
  t.end()
})

t.test('nobody is told of a question, or of an answer, before it is on disk', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  host.askApproval(session, 'q-1')
  t.same(client.call('approval.list', {}).approvals, [])
  harness.settle()
  t.equal(client.call('approval.list', {}).approvals.length, 1)
  const id = client.ask('approval.answer', { approval: 'q-1', decision: 'allow' })
  t.equal(answers(host).length, 0)
  t.equal(stateOf(client, 'q-1'), 'pending')
  harness.settle()
  t.equal(answers(host).length, 1)
  t.match(client.resultOf('approval.answer', id), { state: 'applied' })
  t.end()
})

t.test('the first answer wins; the others hear which, whose and when', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  const other = new Client(harness, 'anna', ['operator'])
  host.askApproval(session, 'q-1')
  harness.settle()
  const first = other.ask('approval.answer', { approval: 'q-1', decision: 'deny' })
  const second = client.ask('approval.answer', { approval: 'q-1', decision: 'allow' })
  t.notOk(client.hasEnd(second), 'the first one may still fall back')
  harness.settle()
  t.match(other.resultOf('approval.answer', first), { outcome: 'deny', by: 'anna' })
  const { settled_at } = one(client, 'q-1') ?? {}
  t.match(client.errorOf(second), {
    code: 'SETTLED',
    details: { approval: 'q-1', decision: 'deny', by: 'anna', when: settled_at },
  })
  t.equal(answers(host).length, 1)
  t.end()
})

t.test('an answer that could not be written leaves the question to the next one', (t) => {
  const { harness, client, host, session } = withSession({ durability: 'manual' })
  host.askApproval(session, 'q-1')
  harness.settle()
  harness.journal.isFull = true
  const first = client.ask('approval.answer', { approval: 'q-1', decision: 'deny' })
  const second = client.ask('approval.answer', { approval: 'q-1', decision: 'allow' })
  harness.commit()
  t.match(client.errorOf(first), { code: 'STORAGE_FULL', executed: 'no' })
  harness.journal.isFull = false
  harness.settle()
  t.match(client.resultOf('approval.answer', second), { outcome: 'allow', state: 'applied' })
  t.same(told(harness, session), ['asked q-1', 'q-1 allow by local'])
  t.end()
})

t.test('an answer must be one that the agent offered, and fit together', (t) => {
  const { client, host, session } = withSession()
  host.askApproval(session, 'q-1', { options: ['allow', 'deny'] })
  const refusal = (params: object) =>
    client.failure('approval.answer', { approval: 'q-1', decision: 'allow', ...params })
  t.match(refusal({ decision: 'allow_always' }), {
    code: 'INVALID_PARAMS',
    message: /one of allow, deny/,
  })
  t.match(refusal({ message: 'why not' }), { code: 'INVALID_PARAMS', message: /deny only/ })
  t.match(refusal({ interrupt: true }), { code: 'INVALID_PARAMS' })
  t.match(refusal({ approval: 'q-2' }), { code: 'NO_SUCH_APPROVAL' })
  t.equal(stateOf(client, 'q-1'), 'pending')
  t.end()
})

t.test('a question is found by a beginning of its id that no other has', (t) => {
  const { client, host, session } = withSession()
  for (const id of ['abcd-1', 'abcd-2', 'wxyz-1']) host.askApproval(session, id)
  const answer = (approval: string) => ({ approval, decision: 'allow' }) as const
  t.match(client.call('approval.answer', answer('wxyz')), { approval: 'wxyz-1' })
  const refusal = (approval: string) => client.failure('approval.answer', answer(approval))
  t.match(refusal('abcd'), { code: 'AMBIGUOUS_APPROVAL', details: { count: 2 } })
  t.match(refusal('abc'), { code: 'NO_SUCH_APPROVAL' }, 'three characters are too few')
  t.end()
})

t.test('an observer sees questions and cannot answer them', (t) => {
  const { harness, host, session } = withSession()
  const observer = new Client(harness, 'eve', ['observer'])
  host.askApproval(session, 'q-1')
  t.equal(observer.call('approval.list', {}).approvals.length, 1)
  const params = { approval: 'q-1', decision: 'allow' } as const
  t.match(observer.failure('approval.answer', params), { code: 'FORBIDDEN' })
  t.end()
})

t.test('what was answered while the host was away is given to it when it is back', (t) => {
  const { harness, client, host, session } = withSession()
  host.askApproval(session, 'q-1')
  host.leave()
  const result = client.call('approval.answer', { approval: 'q-1', decision: 'allow' })
  t.match(result, { state: 'answered', outcome: 'allow' })
  const back = new Host(harness, 'h1')
  back.register(alive(session))
  t.match(answers(back), [{ params: { approval: 'q-1', decision: 'allow' } }])
  t.equal(stateOf(client, 'q-1'), 'applied')
  t.same(told(harness, session), ['asked q-1', 'q-1 allow by local'], 'it is told once')
  t.end()
})

t.test('a host that vanishes with the answer in its hands is given it again', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.answer'] })
  host.askApproval(session, 'q-1')
  const id = client.ask('approval.answer', { approval: 'q-1', decision: 'allow' })
  t.notOk(client.hasEnd(id))
  host.leave()
  t.match(client.resultOf('approval.answer', id), { state: 'answered' })
  const back = new Host(harness, 'h1')
  back.register(alive(session))
  t.equal(answers(back).length, 1)
  t.equal(stateOf(client, 'q-1'), 'applied')
  back.register(alive(session))
  t.equal(answers(back).length, 1, 'and not again once it is applied')
  t.end()
})

t.test('questions and answers survive the death of the broker', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.answer'] })
  for (const id of ['open', 'answered', 'done']) host.askApproval(session, id)
  const key = { key: 'k1' }
  const params = { approval: 'answered', decision: 'deny', message: 'no' } as const
  client.ask('approval.answer', params, key)
  client.ask('approval.answer', { approval: 'done', decision: 'allow' })
  host.asked.shift()
  host.answer('agent.answer')
  t.equal(stateOf(client, 'done'), 'applied')

  const after = harness.restart()
  const again = new Client(after)
  const states = () => ['open', 'answered', 'done'].map((id) => stateOf(again, id))
  t.same(states(), ['pending', 'answered', 'applied'])
  const repeated = again.call('approval.answer', params, key)
  t.match(repeated, { state: 'answered', outcome: 'deny' }, 'the same request gets its answer')
  t.match(again.failure('approval.answer', params), { code: 'SETTLED' }, 'and a new one does not')
  t.same(again.call('session.get', { session }).pending_approvals, 1)
  const back = new Host(after, 'h1')
  back.register(alive(session))
  t.match(answers(back), [{ params }])
  t.same(states(), ['pending', 'applied', 'applied'])
  t.end()
})

t.test('changes are numbered on after a restart, so that a cursor goes on', (t) => {
  const { harness, client, host, session } = withSession()
  host.askApproval(session, 'q-1')
  client.call('approval.answer', { approval: 'q-1', decision: 'allow' })
  host.askApproval(session, 'q-2')
  const { cursor } = client.call('approval.list', {})
  const after = harness.restart()
  const again = new Client(after)
  const news = (since: number) => again.call('approval.list', { changed_since: since })
  t.same(news(cursor), { approvals: [], cursor, more: false })
  const back = new Host(after, 'h1')
  back.register(alive(session))
  again.call('approval.answer', { approval: 'q-2', decision: 'deny' })
  t.match(news(cursor).approvals, [{ approval: 'q-2', state: 'applied' }])
  t.equal(news(1e9).approvals.length, 2, 'a cursor of another journal begins anew')
  t.end()
})

t.test('an agent that no longer waits: the answer was too late, and that is told', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.answer'] })
  host.askApproval(session, 'q-1')
  const id = client.ask('approval.answer', { approval: 'q-1', decision: 'allow' })
  host.answer('agent.answer', { applied: false })
  t.match(client.resultOf('approval.answer', id), { state: 'withdrawn' })
  t.same(told(harness, session), ['asked q-1', 'q-1 allow by local', 'q-1 withdrawn'])
  t.end()
})

t.test('the host withdraws a question; an answer that crosses it is too late', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.answer'] })
  const withdrawn = (approval: string) =>
    host.append(session, 'approval_settled', {
      approval,
      outcome: 'withdrawn',
      by: '',
      reason: 'x',
    })
  host.askApproval(session, 'q-1')
  withdrawn('q-1')
  t.match(one(client, 'q-1'), { state: 'withdrawn', reason: 'x', by: '' })
  const late = client.failure('approval.answer', { approval: 'q-1', decision: 'allow' })
  t.match(late, { code: 'SETTLED', details: { decision: 'withdrawn', by: 'nobody' } })

  host.askApproval(session, 'q-2')
  const id = client.ask('approval.answer', { approval: 'q-2', decision: 'allow' })
  withdrawn('q-2')
  host.answer('agent.answer', { applied: false })
  t.match(client.resultOf('approval.answer', id), { state: 'withdrawn' })
  t.same(told(harness, session).slice(-2), ['q-2 allow by local', 'q-2 withdrawn'], 'told once')
  withdrawn('never asked')
  t.same(host.complaints(), [])
  t.end()
})

t.test('nothing stays pending once its turn or its process is gone', (t) => {
  const { harness, client, host, session } = withSession()
  const { turn } = client.call('session.prompt', { session, text: 'go' })
  host.askApproval(session, 'q-1', {}, turn)
  host.askApproval(session, 'other-turn')
  host.endTurn(session, turn)
  t.match(one(client, 'q-1'), { state: 'withdrawn', reason: 'the turn ended' })
  t.equal(stateOf(client, 'other-turn'), 'pending')
  host.exit(session, 1)
  t.match(one(client, 'other-turn'), { state: 'withdrawn', reason: 'the process ended' })
  const types = harness.stored(session).map(({ type }) => type)
  t.same(types.slice(-2), [CHUNK_CODES.approval_settled, CHUNK_CODES.complete])
  t.equal(client.call('session.recover', { session }).pending_approvals, 0)
  t.end()
})

t.test('a lost session keeps its questions; one that is gone does not', (t) => {
  const { harness, client, host, session } = withSession()
  host.askApproval(session, 'q-1')
  host.askApproval(session, 'q-2')
  host.leave()
  client.call('approval.answer', { approval: 'q-2', decision: 'allow' })
  t.same([stateOf(client, 'q-1'), stateOf(client, 'q-2')], ['pending', 'answered'])
  new Host(harness, 'h1').register()
  t.same([stateOf(client, 'q-1'), stateOf(client, 'q-2')], ['withdrawn', 'withdrawn'])
  t.equal(client.call('session.get', { session }).status, 'failed')
  t.same(told(harness, session).slice(-2), ['q-1 withdrawn', 'q-2 withdrawn'])
  t.end()
})

t.test('the same question twice is one question', (t) => {
  const { harness, client, host, session } = withSession()
  host.askApproval(session, 'q-1')
  client.call('approval.answer', { approval: 'q-1', decision: 'allow' })
  host.askApproval(session, 'q-1')
  t.equal(stateOf(client, 'q-1'), 'applied')
  t.same(told(harness, session), ['asked q-1', 'q-1 allow by local', 'asked q-1'])
  t.end()
})

const expiring = { ...demo, approvals: { on_expiry: 'deny', expire_ms: 60_000 } } as const

t.test('a question that nobody answers in time is denied by the broker', (t) => {
  const { harness, client, host } = setUp()
  const { session } = client.call('session.create', expiring)
  host.askApproval(session, 'q-1')
  const { asked_at = 0, expires_at } = one(client, 'q-1') ?? {}
  t.equal(expires_at, asked_at + 60_000)
  harness.advance(59_900)
  t.equal(stateOf(client, 'q-1'), 'pending')
  harness.advance(100)
  t.match(one(client, 'q-1'), { state: 'expired', outcome: 'expired', by: '' })
  const message = 'Nobody answered within 60 s, so it was denied.'
  t.match(answers(host), [{ params: { approval: 'q-1', decision: 'deny', message } }])
  t.same(told(harness, session), ['asked q-1', 'q-1 expired'])
  t.equal(
    host.history.some(({ params }) => 'approvals' in params),
    false,
    'the host need not know',
  )
  t.end()
})

t.test('an answer in time is not expired, and by default nothing expires', (t) => {
  const { harness, client, host } = setUp()
  const { session } = client.call('session.create', expiring)
  const patient = client.call('session.create', demo).session
  host.askApproval(session, 'q-1')
  host.askApproval(patient, 'q-2')
  client.call('approval.answer', { approval: 'q-1', decision: 'allow' })
  harness.advance(100_000)
  t.match(one(client, 'q-1'), { state: 'applied', outcome: 'allow' })
  t.equal(one(client, 'q-2')?.expires_at, undefined)
  t.equal(stateOf(client, 'q-2'), 'pending')
  t.end()
})

t.test('expiry goes on after a restart, and is delivered when the host is back', (t) => {
  const { harness, client, host } = setUp()
  const { session } = client.call('session.create', expiring)
  host.askApproval(session, 'q-1')
  const after = harness.restart() // its clock begins when the first one did, so all of the time is left
  const again = new Client(after)
  after.advance(59_900)
  t.equal(stateOf(again, 'q-1'), 'pending')
  after.advance(100)
  t.match(one(again, 'q-1'), { state: 'answered', outcome: 'expired' })
  const back = new Host(after, 'h1')
  back.register(alive(session))
  t.equal(stateOf(again, 'q-1'), 'expired')
  t.end()
})

t.test('expiry is made again when it could not be written', (t) => {
  const { harness, client, host } = setUp()
  const { session } = client.call('session.create', expiring)
  host.askApproval(session, 'q-1')
  harness.journal.isFull = true
  harness.advance(70_000)
  t.equal(stateOf(client, 'q-1'), 'pending')
  harness.journal.isFull = false
  harness.advance(2000)
  t.equal(stateOf(client, 'q-1'), 'expired')
  t.same(told(harness, session), ['asked q-1', 'q-1 expired'])
  t.equal(answers(host).length, 1)
  t.end()
})

t.test('a confirmation that could not be written is written later', (t) => {
  const { harness, client, host, session } = withSession({}, { holds: ['agent.answer'] })
  host.askApproval(session, 'q-1')
  const id = client.ask('approval.answer', { approval: 'q-1', decision: 'allow' }, { key: 'k' })
  harness.journal.isFull = true
  host.answer('agent.answer')
  t.match(client.resultOf('approval.answer', id), { state: 'answered' })
  harness.journal.isFull = false
  harness.advance(2000)
  t.equal(stateOf(client, 'q-1'), 'applied')
  t.end()
})

t.test('more questions than may wait are denied at once, with the reason', (t) => {
  const { harness, client, host, session } = withSession({ limits: { maxPendingPerSession: 2 } })
  for (const id of ['q-1', 'q-2', 'q-3']) host.askApproval(session, id)
  t.same(
    ['q-1', 'q-2', 'q-3'].map((id) => stateOf(client, id)),
    ['pending', 'pending', 'applied'],
  )
  t.match(one(client, 'q-3'), { outcome: 'deny', by: '', reason: /2 of one session/ })
  t.match(answers(host), [{ params: { approval: 'q-3', decision: 'deny' } }])
  client.call('approval.answer', { approval: 'q-1', decision: 'allow' })
  host.askApproval(session, 'q-4')
  t.equal(stateOf(client, 'q-4'), 'pending')
  t.equal(told(harness, session).filter((one) => one.startsWith('q-3')).length, 1)
  t.end()
})

t.test('the questions of all sessions together are limited as well', (t) => {
  const { client, host, session } = withSession({ limits: { maxPending: 1 } })
  const other = client.call('session.create', demo).session
  host.askApproval(session, 'q-1')
  host.askApproval(other, 'q-2')
  t.same([stateOf(client, 'q-1'), stateOf(client, 'q-2')], ['pending', 'applied'])
  t.end()
})

t.test('settled questions are kept up to a number and an age; those that wait always', (t) => {
  const limits = { maxSettled: 2, settledKeptMs: 60_000 }
  const { harness, client, host, session } = withSession({ limits })
  host.askApproval(session, 'open')
  for (const id of ['q-1', 'q-2', 'q-3']) {
    host.askApproval(session, id)
    client.call('approval.answer', { approval: id, decision: 'allow' })
  }
  const ids = (of: Client) =>
    of.call('approval.list', { changed_since: 0 }).approvals.map(({ approval }) => approval)
  harness.advance(100)
  t.same(ids(client), ['open', 'q-2', 'q-3'])
  t.same(ids(new Client(harness.restart())), ['open', 'q-2', 'q-3'])
  harness.advance(60_000)
  t.same(ids(client), ['open', 'q-3'], 'the newest stays: its number is where the next ones go on')
  t.end()
})

t.test('an input that is large is left to the stream', (t) => {
  const { client, host, session } = withSession()
  host.askApproval(session, 'q-1', { input: { content: 'x'.repeat(20_000) } })
  const info = one(client, 'q-1')
  t.notOk('input' in (info ?? {}))
  const { sequence = 0 } = info ?? {}
  const [chunk] = client.call('stream.read', { session, from: sequence, max_count: 1 }).chunks
  t.equal(chunk?.[3], CHUNK_CODES.approval_request)
  t.end()
})

t.test('lists come in pages that go on where the last one ended', (t) => {
  const { client, host, session } = withSession()
  for (let n = 1; n <= 5; n += 1) host.askApproval(session, `q-${n}`)
  const seen: string[] = []
  let page = client.call('approval.list', { limit: 2 })
  for (;;) {
    seen.push(...page.approvals.map(({ approval }) => approval))
    if (!page.more) break
    const params = { limit: 2, changed_since: page.cursor, state: ['pending' as const] }
    page = client.call('approval.list', params)
  }
  t.same(seen, ['q-1', 'q-2', 'q-3', 'q-4', 'q-5'])
  const other = client.call('session.create', demo).session
  t.same(client.call('approval.list', { session: other }).approvals, [])
  t.match(client.failure('approval.list', { session: 'nobody' }), { code: 'NO_SUCH_SESSION' })
  t.end()
})

t.test('a list that waits is answered by news, by its time, by CANCEL and by a drain', (t) => {
  const { harness, client, host, session } = withSession()
  const { cursor } = client.call('approval.list', {})
  const wait = (more: object = {}) =>
    client.ask('approval.list', { changed_since: cursor, wait_ms: 5000, ...more })
  const other = client.call('session.create', demo).session
  const [all, elsewhere] = [wait(), wait({ session: other })]
  t.notOk(client.hasEnd(all))
  host.askApproval(session, 'q-1')
  t.match(client.resultOf('approval.list', all), { approvals: [{ approval: 'q-1' }] })
  t.notOk(client.hasEnd(elsewhere), 'that was no news for this one')
  harness.advance(5000)
  t.same(client.resultOf('approval.list', elsewhere).approvals, [])

  const since = { changed_since: client.resultOf('approval.list', all).cursor }
  const [cancelled, drained] = [wait(since), wait(since)]
  client.cancel(cancelled)
  t.match(client.errorOf(cancelled), { code: 'CANCELLED' })
  harness.core.drain()
  t.same(client.resultOf('approval.list', drained).approvals, [])
  t.same(client.resultOf('approval.list', wait(since)).approvals, [], 'nobody waits from now on')
  t.equal(harness.core.isQuiet, true)
  t.end()
})

t.test('a list that waits ends before its caller gives up', (t) => {
  const { harness, client } = withSession()
  const params = { changed_since: 0, wait_ms: 60_000 }
  const id = client.ask('approval.list', params, { remainingMs: 1000 })
  harness.advance(900)
  t.same(client.resultOf('approval.list', id).approvals, [])
  t.end()
})
