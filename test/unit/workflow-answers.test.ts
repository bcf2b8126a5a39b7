/** What callers are told of workflows is on disk and fits a message; what a step waits for is waited for in full. */
import t from 'tap'
import { WORKFLOW_LIMITS } from '../../broker/core/workflows/limits.ts'
import { encode } from '../../protocol/codec.ts'
import { WIRE_LIMITS } from '../../protocol/limits.ts'
import type { HarnessOptions } from '../support/core-harness.ts'
import { Client, demo, Host, type HostOptions, setUp } from '../support/core-peers.ts'
import { Answerer, infoOf, own } from '../support/core-workflow.ts'

function stage(options: HarnessOptions = {}, hostOptions: HostOptions = {}) {
  const setting = setUp(options, hostOptions)
  return { ...setting, answerer: new Answerer(setting.host) }
}

/** A workflow of one step whose turn has ended, while that is on its way to the disk. */
function almostDone() {
  const setting = stage({ durability: 'manual' })
  const { harness, client, host, answerer } = setting
  const id = client.ask('workflow.execute', { steps: [own('a', 'x')] })
  harness.settle()
  const { execution } = client.resultOf('workflow.execute', id)
  const [asked] = answerer.take()
  if (!asked) throw new Error('no prompt')
  host.append(asked.session, 'text', { content: 'hello' }, { turn: 1 })
  host.endTurn(asked.session, 1)
  while (harness.core.workflows.all()[0]?.record.status === 'running') harness.commit()
  return { ...setting, execution }
}

t.test(
  'who is told that a workflow is done gets its output, and a restart takes nothing back',
  (t) => {
    const { harness, client, execution } = almostDone()
    const got = client.ask('workflow.get', { execution })
    const listed = client.ask('workflow.list', {})
    t.notOk(client.hasEnd(got), 'it is not on disk yet')
    t.notOk(client.hasEnd(listed))
    t.equal(infoOf(new Client(harness.restart()), execution).status, 'running')
    t.end()
  },
)

t.test('once it is on disk, the answer is what it was when it was asked for', (t) => {
  const { harness, client, execution } = almostDone()
  const got = client.ask('workflow.get', { execution })
  const listed = client.ask('workflow.list', {})
  harness.settle()
  const done = { status: 'completed' }
  t.match(client.resultOf('workflow.get', got), { ...done, steps: [{ output: 'hello' }] })
  t.match(client.resultOf('workflow.list', listed), { total: 1, workflows: [done] })
  t.end()
})

t.test('when it cannot be written, callers are told what is on disk', (t) => {
  const { harness, client, execution } = almostDone()
  const got = client.ask('workflow.get', { execution })
  const listed = client.ask('workflow.list', {})
  harness.journal.isFull = true
  harness.settle()
  t.match(client.resultOf('workflow.get', got), { status: 'running' })
  t.match(client.resultOf('workflow.list', listed).workflows, [{ status: 'running' }])
  t.end()
})

t.test('one that never came to be is not told of', (t) => {
  const { harness, client } = stage({ durability: 'manual' })
  client.ask('workflow.execute', { steps: [own('a', 'x')] })
  const execution = harness.core.workflows.all()[0]?.record.execution ?? ''
  const got = client.ask('workflow.get', { execution })
  const listed = client.ask('workflow.list', {})
  harness.journal.isFull = true
  harness.settle()
  t.match(client.errorOf(got), { code: 'NO_SUCH_WORKFLOW' })
  t.strictSame(client.resultOf('workflow.list', listed).workflows, [])
  t.end()
})

t.test('a page of executions fits a message, however much went wrong', (t) => {
  const { client, host, answerer } = stage({}, { slots: 10_000 })
  const steps = Array.from({ length: 64 }, (_, n) => own(`s${n}`, 'x', { on_error: 'continue' }))
  for (let n = 0; n < 16; n += 1) client.call('workflow.execute', { steps, max_parallel: 64 })
  for (const { session, turn } of answerer.take()) {
    host.append(session, 'error', { message: 'x'.repeat(2000) }, { turn })
    host.append(session, 'turn_complete', { turn_number: turn, reason: 'error' }, { turn })
  }
  const { workflows, total } = client.call('workflow.list', {})
  t.ok(encode(workflows).length < WIRE_LIMITS.maxBodiesBytes / 2)
  t.ok(workflows.length < total)
  t.equal(total, 16)
  const seen = new Set<string>()
  while (seen.size < total) {
    const page = client.call('workflow.list', { offset: seen.size }).workflows
    if (page.length === 0) break
    for (const { execution } of page) seen.add(execution)
  }
  t.equal(seen.size, 16, 'page by page all are seen')
  t.end()
})

t.test('a step that has long waited for a slot waits for its host all the same', (t) => {
  const { harness, client, host } = stage({}, { slots: 1 })
  const { session } = client.call('session.create', demo)
  const { execution } = client.call('workflow.execute', { steps: [own('a', 'x')] })
  harness.advance(60_000)
  host.leave()
  harness.advance(9000)
  t.equal(infoOf(client, execution).status, 'running')
  new Host(harness, 'h1', { slots: 1 }).register({
    ...{ session, epoch: 1, turn: 0, produced: 0, pid: 4711 },
  })
  harness.advance(9000)
  t.equal(infoOf(client, execution).status, 'running')
  t.end()
})

t.test('a host that comes and goes does not prolong the wait for a slot', (t) => {
  const { harness, client, host } = stage({}, { slots: 1 })
  const { session } = client.call('session.create', demo)
  const { execution } = client.call('workflow.execute', { steps: [own('a', 'x')] })
  const { slotWaitMs } = harness.core.workflows.limits
  harness.advance(slotWaitMs - 10_000)
  host.leave()
  harness.advance(5000)
  new Host(harness, 'h1', { slots: 1 }).register({
    ...{ session, epoch: 1, turn: 0, produced: 0, pid: 4711 },
  })
  harness.advance(6000)
  t.match(infoOf(client, execution), {
    status: 'failed',
    steps: [{ error: { code: 'AT_CAPACITY' } }],
  })
  t.end()
})

t.test(
  'a turn of a cancelled workflow is interrupted, also when its host was away in between',
  (t) => {
    const { harness, client, host, answerer } = stage({}, { holds: ['agent.interrupt'] })
    const { session } = client.call('session.create', demo)
    const steps = [{ id: 'a', session, prompt: 'x' }]
    const { execution } = client.call('workflow.execute', { steps })
    t.equal(answerer.take().length, 1)
    client.call('workflow.cancel', { execution })
    host.answer('agent.interrupt', { interrupted: true, turn: 1 }) // but the turn goes on
    harness.advance(15_000)
    host.leave()
    harness.advance(1000)
    const again = new Host(harness)
    again.register({ session, epoch: 1, turn: 1, produced: 0, pid: 4711 })
    harness.advance(5000)
    t.ok(again.history.some(({ method }) => method === 'agent.interrupt'))
    t.end()
  },
)

t.test('nothing is kept of a workflow that could not be written, or was removed', (t) => {
  const limits = { workflows: { ...WORKFLOW_LIMITS, maxEnded: 0 } }
  const { harness, client } = stage({ limits })
  const before = harness.core.streams.size
  harness.journal.isFull = true
  for (let n = 0; n < 5; n += 1) client.failure('workflow.execute', { steps: [own('a', 'x')] })
  t.equal(harness.core.streams.size, before)
  harness.journal.isFull = false
  client.call('workflow.execute', { steps: [] })
  harness.advance(3000)
  t.strictSame(harness.core.workflows.all(), [])
  t.equal(harness.core.streams.size, before)
  t.end()
})

t.test('who waits long for a slot asks less and less often, and gets it all the same', (t) => {
  const { harness, client, host } = stage({}, { slots: 1 })
  const { session } = client.call('session.create', demo)
  const { execution } = client.call('workflow.execute', { steps: [own('a', 'x')] })
  let asked = 0
  const { sessions } = harness.core
  const used = sessions.usedPerHost.bind(sessions)
  sessions.usedPerHost = () => {
    asked += 1
    return used()
  }
  harness.advance(2000)
  t.ok(asked >= 6, 'often in the beginning')
  harness.advance(60_000)
  asked = 0
  harness.advance(60_000)
  t.ok(asked > 0 && asked <= 13)
  host.exit(session, 0)
  harness.advance(6000)
  t.match(infoOf(client, execution).steps, [{ status: 'running', turn: 1 }])
  t.end()
})
