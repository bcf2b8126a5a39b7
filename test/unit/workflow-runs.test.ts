/** Workflows in the broker's core: steps, sessions, outputs, failures, deadlines and cancels. */
import t from 'tap'
import { MAX_OUTPUT_BYTES } from '../../protocol/methods/workflow.ts'
import type { HarnessOptions } from '../support/core-harness.ts'
import { Host, type HostOptions, setUp } from '../support/core-peers.ts'
import {
  Answerer,
  FORK_AND_JOIN,
  infoOf,
  own,
  prompts,
  statuses,
  tidings,
} from '../support/core-workflow.ts'

function stage(options: HarnessOptions = {}, hostOptions: HostOptions = {}) {
  const setting = setUp(options, hostOptions)
  const answerer = new Answerer(setting.host)
  const { client } = setting
  const info = (execution: string) => infoOf(client, execution)
  return { ...setting, answerer, info }
}

t.test('steps run in order, quote what came before, and their sessions end', (t) => {
  const { harness, client, host, answerer, info } = stage()
  const begun = client.call('workflow.execute', {
    name: 'demo',
    steps: [...FORK_AND_JOIN],
    inputs: { what: 7 },
  })
  t.match(begun, { name: 'demo', status: 'running', owner: 'local', reason: '' })
  answerer.answerAll()
  const { execution } = begun
  const ended = info(execution)
  const a = '<first 7>'
  const d = `<<left of ${a}> and <right of ${a}>>`
  t.match(ended, {
    status: 'completed',
    steps: [{ output: a }, {}, {}, { output: d }, { output: `<end of ${d}>` }],
  })
  t.strictSame(Object.values(statuses(ended)), Array(5).fill('completed'))
  t.equal(prompts(harness).length, 5)
  t.strictSame(tidings(harness, execution), [
    'started',
    ...['step_started a', 'step_completed a', 'step_started b', 'step_started c'],
    ...['step_completed b', 'step_completed c', 'step_started d', 'step_completed d'],
    ...['step_started e', 'step_completed e', 'completed'],
  ])
  t.equal(host.history.filter(({ method }) => method === 'agent.stop').length, 5)
  for (const { session = '' } of ended.steps) host.exit(session, 0)
  harness.advance(100)
  t.equal(client.call('session.list', { status: ['ended'] }).total, 5)
  t.match(client.call('workflow.list', {}), {
    total: 1,
    workflows: [{ execution, status: 'completed' }],
  })
  t.equal(client.call('workflow.list', { status: ['failed'] }).total, 0)
  t.equal(info(execution.slice(0, 6)).execution, execution)
  t.equal(harness.core.workflows.count('running'), 0)
  t.end()
})

t.test('what cannot run is refused, and nothing is done', (t) => {
  const { harness, client } = stage()
  const before = harness.changes
  const refused = (steps: Parameters<typeof own>[2][]) =>
    client.failure('workflow.execute', { steps: steps.map((more, n) => own(`s${n}`, 'x', more)) })
  t.match(refused([{ needs: ['s1'] }, { needs: ['s0'] }]), {
    code: 'INVALID_PARAMS',
    message: /s0 -> s1 -> s0/,
  })
  t.match(refused([{ prompt: '{{steps.s0.output}}' }]), { code: 'INVALID_PARAMS', executed: 'no' })
  t.match(client.failure('workflow.get', { execution: 'none' }), { code: 'NO_SUCH_WORKFLOW' })
  t.match(client.failure('workflow.cancel', { execution: 'none' }), { code: 'NO_SUCH_WORKFLOW' })
  t.equal(harness.changes, before)
  t.end()
})

t.test('a workflow without steps is completed at once', (t) => {
  const { harness, client, info } = stage()
  const { execution } = client.call('workflow.execute', { steps: [] })
  t.match(info(execution), { status: 'completed', steps: [] })
  t.strictSame(tidings(harness, execution), ['started', 'completed'])
  t.end()
})

t.test('steps may share a session that exists, which lives on', (t) => {
  const { client, answerer, info, harness } = stage()
  const { session } = client.call('session.create', { backend: 'demo', name: 'shared' })
  const { execution } = client.call('workflow.execute', {
    steps: [
      { id: 'a', session: 'shared', prompt: 'one' },
      { id: 'b', session, prompt: 'two', needs: ['a'] },
    ],
  })
  answerer.answerAll()
  t.match(info(execution), {
    status: 'completed',
    steps: [
      { session, turn: 1 },
      { session, turn: 2 },
    ],
  })
  harness.advance(5000)
  t.match(client.call('session.get', { session }), { status: 'idle' })
  t.end()
})

t.test('no more steps run at a time than were asked for, and keep leaves a session', (t) => {
  const { client, host, answerer, info } = stage()
  const steps = ['a', 'b', 'c'].map((id) => own(id, id, { keep: true }))
  const { execution } = client.call('workflow.execute', { steps, max_parallel: 2 })
  const first = answerer.take()
  t.equal(first.length, 2)
  t.match(statuses(info(execution)), { a: 'running', b: 'running', c: 'pending' })
  const [one] = first
  if (one) host.endTurn(one.session, one.turn)
  t.match(statuses(info(execution)), { a: 'completed', b: 'running', c: 'running' })
  t.notOk(host.history.some(({ method }) => method === 'agent.stop'))
  t.end()
})

t.test('a turn that ends badly fails the workflow, once what runs has ended', (t) => {
  const { harness, client, host, answerer, info } = stage()
  const { execution } = client.call('workflow.execute', {
    steps: [own('a', 'bad'), own('b', 'good'), own('c', 'never', { needs: ['a', 'b'] })],
  })
  const [bad, good] = answerer.take()
  if (!bad || !good) throw new Error('no prompts')
  host.append(bad.session, 'error', { message: 'no money' }, { turn: 1 })
  host.append(bad.session, 'turn_complete', { turn_number: 1, reason: 'error' }, { turn: 1 })
  t.match(info(execution), { status: 'running', reason: /step a: .*no money/ })
  t.match(statuses(info(execution)), { a: 'failed', b: 'running', c: 'skipped' })
  host.endTurn(good.session, 1)
  const ended = info(execution)
  t.match(ended, {
    status: 'failed',
    steps: [{ error: { code: 'TURN_FAILED' } }, { status: 'completed' }],
  })
  t.strictSame(tidings(harness, execution).at(-1), 'failed')
  t.end()
})

t.test('with on_error continue the others go on, with an empty output', (t) => {
  const { client, host, answerer, info } = stage()
  const { execution } = client.call('workflow.execute', {
    steps: [
      own('a', 'bad', { on_error: 'continue' }),
      own('b', '[{{steps.a.output}}]', { needs: ['a'] }),
    ],
  })
  const [bad] = answerer.take()
  host.append(
    bad?.session ?? '',
    'turn_complete',
    { turn_number: 1, reason: 'refusal' },
    { turn: 1 },
  )
  answerer.answerAll()
  t.match(info(execution), {
    status: 'completed',
    steps: [{ status: 'failed' }, { output: '<[]>' }],
  })
  t.end()
})

t.test('a step fails when its session does: at the start, before the prompt, in the turn', (t) => {
  const { harness, client, host, answerer, info } = stage()
  host.holds.add('agent.start')
  const steps = ['a', 'b'].map((id) => own(id, id, { on_error: 'continue' }))
  const { execution } = client.call('workflow.execute', { steps })
  host.refuse('agent.start', 'START_FAILED')
  host.answer('agent.start')
  const [second] = answerer.take()
  host.exit(second?.session ?? '', 1)
  harness.advance(100)
  const errors = info(execution).steps.map(({ error }) => error?.code)
  t.strictSame(errors, ['START_FAILED', 'TURN_FAILED'])
  const none = client.call('workflow.execute', {
    steps: [{ id: 'a', session: 'nobody', prompt: 'x' }],
  })
  t.match(info(none.execution), {
    status: 'failed',
    steps: [{ error: { code: 'NO_SUCH_SESSION' } }],
  })
  t.end()
})

t.test('a step waits for a free slot, which the session before it frees', (t) => {
  const { harness, client, host, answerer, info } = stage({}, { slots: 1 })
  const { execution } = client.call('workflow.execute', { steps: [own('a', 'x'), own('b', 'y')] })
  answerer.answerAll()
  t.match(statuses(info(execution)), { a: 'completed', b: 'running' })
  const [first] = info(execution).steps
  host.exit(first?.session ?? '', 0)
  harness.advance(1000)
  answerer.answerAll()
  t.equal(info(execution).status, 'completed')
  t.end()
})

t.test('without a host that can do it a step waits a while, and then fails', (t) => {
  const { harness, client, info } = stage()
  const steps = [own('a', 'x', { start: { backend: 'claude' } })]
  const { execution } = client.call('workflow.execute', { steps })
  harness.advance(9000)
  t.equal(info(execution).status, 'running')
  harness.advance(2000)
  t.match(info(execution), { status: 'failed', steps: [{ error: { code: 'NO_BACKEND' } }] })
  t.end()
})

t.test('a step whose host goes away waits for it, and fails when it stays away', (t) => {
  const { harness, client, host, answerer, info } = stage()
  const { execution } = client.call('workflow.execute', { steps: [own('a', 'x')] })
  t.equal(answerer.take().length, 1)
  host.leave()
  harness.advance(9000)
  t.equal(info(execution).status, 'running')
  harness.advance(2000)
  t.match(info(execution), { status: 'failed', steps: [{ error: { code: 'HOST_LOST' } }] })
  harness.advance(5000)
  t.match(client.call('session.list', {}).sessions, [{ status: 'failed' }], 'it was given up')
  t.end()
})

t.test('a deadline of a step ends its turn and its session, and fails it', (t) => {
  const { harness, client, host, answerer, info } = stage()
  const { session } = client.call('session.create', { backend: 'demo' })
  const { execution } = client.call('workflow.execute', {
    steps: [
      own('a', 'x', { deadline_ms: 1000, on_error: 'continue' }),
      { id: 'b', session, prompt: 'y', deadline_ms: 1000 },
    ],
  })
  t.equal(answerer.take().length, 2)
  harness.jump(1_000_000_000) // of the wall clock, which means nothing
  harness.advance(900)
  t.equal(info(execution).status, 'running')
  harness.advance(200)
  t.match(info(execution), { status: 'failed', reason: 'step b: the deadline passed' })
  const asked = host.history.slice(-2).map(({ method }) => method)
  t.strictSame(asked.sort(), ['agent.interrupt', 'agent.stop'])
  host.append(session, 'turn_complete', { turn_number: 1, reason: 'interrupted' }, { turn: 1 })
  host.exit(info(execution).steps[0]?.session ?? '', 0)
  harness.advance(5000)
  t.match(harness.journal.get('workflows', execution), { duties: [] })
  t.strictSame(harness.core.workflows.get(execution)?.record.duties, [])
  t.end()
})

t.test('a deadline of the workflow fails all that runs', (t) => {
  const { harness, client, answerer, info } = stage()
  const steps = [own('a', 'x'), own('b', 'y', { needs: ['a'] })]
  const { execution } = client.call('workflow.execute', { steps, deadline_ms: 5000 })
  t.equal(answerer.take().length, 1)
  harness.advance(5100)
  t.match(info(execution), { status: 'failed', reason: 'the deadline passed' })
  t.match(statuses(info(execution)), { a: 'failed', b: 'skipped' })
  t.end()
})

t.test('cancel ends what runs, and is nothing for what has ended', (t) => {
  const { harness, client, host, answerer, info } = stage()
  const { session } = client.call('session.create', { backend: 'demo' })
  client.call('session.prompt', { session, text: 'of somebody else' })
  const { execution } = client.call('workflow.execute', {
    steps: [own('a', 'x'), { id: 'b', session, prompt: 'y' }, own('c', 'z', { needs: ['a'] })],
  })
  t.equal(answerer.take().length, 3)
  const cancelled = client.call('workflow.cancel', { execution })
  t.equal(cancelled.status, 'cancelled')
  t.strictSame(Object.values(statuses(cancelled)), Array(3).fill('cancelled'))
  t.strictSame(client.call('workflow.cancel', { execution }), cancelled)
  harness.advance(5000)
  const interrupts = () => host.history.filter(({ method }) => method === 'agent.interrupt').length
  t.equal(interrupts(), 0, 'the turn of somebody else goes on')
  host.endTurn(session, 1)
  harness.advance(5000)
  t.ok(interrupts() > 0, 'its own turn ends as soon as it runs')
  t.strictSame(tidings(harness, execution).at(-1), 'cancelled')
  t.equal(info(execution).status, 'cancelled')
  t.end()
})

t.test('of a long output the end is kept, in whole characters', (t) => {
  const { client, host, answerer, info } = stage()
  const { execution } = client.call('workflow.execute', { steps: [own('a', 'x')] })
  const [{ session } = { session: '' }] = answerer.take()
  const piece = 'ä'.repeat(1000)
  for (let n = 0; n < 200; n += 1) host.append(session, 'text', { content: piece }, { turn: 1 })
  host.append(session, 'text', { content: '!' }, { turn: 1 })
  host.endTurn(session, 1)
  const [step] = info(execution).steps
  t.equal(step?.output_cut, true)
  t.equal(step?.output, `${'ä'.repeat(MAX_OUTPUT_BYTES / 2 - 1)}!`)
  t.end()
})

t.test('a prompt that becomes too long, or empty, fails its step', (t) => {
  const { client, host, answerer, info } = stage()
  const quote = '{{steps.a.output}}'
  const { execution } = client.call('workflow.execute', {
    steps: [
      own('a', 'x'),
      own('b', quote.repeat(100), { needs: ['a'], on_error: 'continue' }),
      own('c', 'nothing', { needs: ['b'], prompt: '{{steps.b.output}}' }),
    ],
  })
  const [{ session } = { session: '' }] = answerer.take()
  host.append(session, 'text', { content: 'z'.repeat(20_000) }, { turn: 1 })
  host.endTurn(session, 1)
  const errors = info(execution).steps.map(({ error }) => error?.code)
  t.strictSame(errors, [undefined, 'TOO_LARGE', 'INVALID_PARAMS'])
  t.end()
})

t.test('a step whose session comes to nothing with its host gets another one', (t) => {
  const { harness, client, host, info } = stage()
  host.holds.add('agent.start')
  const { execution } = client.call('workflow.execute', { steps: [own('a', 'x')] })
  const [{ session: lost } = { session: undefined }] = info(execution).steps
  host.leave()
  const again = new Host(harness)
  again.register() // without the session
  harness.advance(1000)
  const answerer = new Answerer(again)
  answerer.answerAll()
  const [step] = info(execution).steps
  t.match(info(execution), { status: 'completed', steps: [{ output: '<x>' }] })
  t.ok(lost !== undefined && step?.session !== lost)
  t.equal(prompts(harness).length, 1)
  t.end()
})

t.test(
  'a step may start its session with its prompt, and one that failed is recovered for it',
  (t) => {
    const { harness, client, host, answerer, info } = stage()
    const { session } = client.call('session.create', { backend: 'demo', recovery: 'auto' })
    host.exit(session, 1)
    const { execution } = client.call('workflow.execute', {
      steps: [
        own('a', 'x', { start: { backend: 'demo', start: 'on_prompt' } }),
        { id: 'b', session, prompt: 'y' },
      ],
    })
    const asked = answerer.take()
    t.strictSame(asked.map(({ text }) => text).sort(), ['x', 'y'])
    for (const { session: id, turn, epoch } of asked) {
      host.append(id, 'turn_complete', { turn_number: turn, reason: 'end_turn' }, { turn, epoch })
    }
    harness.advance(100)
    t.equal(info(execution).status, 'completed')
    t.end()
  },
)
