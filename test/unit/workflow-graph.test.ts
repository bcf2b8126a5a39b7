/** Templates, graphs and the scheduler of workflows: pure, so held to properties over random workflows. */
import fc from 'fast-check'
import t from 'tap'
import { ancestors, cycleOf, graphProblem } from '../../broker/core/workflows/graph.ts'
import type { StepRecord, WorkflowRecord } from '../../broker/core/workflows/record.ts'
import {
  due,
  isExpired,
  next,
  overdue,
  type WorkflowEvent,
} from '../../broker/core/workflows/schedule.ts'
import { parseTemplate, render } from '../../broker/core/workflows/template.ts'

const step = (id: string, more: object = {}) => ({ id, session: 's', prompt: 'go', ...more })
const problem = (steps: Parameters<typeof graphProblem>[0], ...inputs: string[]) =>
  graphProblem(steps, new Set(inputs))

t.test('a template quotes outputs and inputs, and nothing else', (t) => {
  const parsed = parseTemplate('a {{ steps.one.output }}{{inputs.x}} \\{{b}}')
  t.strictSame(parsed, {
    ok: true,
    pieces: [
      { kind: 'text', text: 'a ' },
      { kind: 'step', id: 'one' },
      { kind: 'input', name: 'x' },
      { kind: 'text', text: ' {{b}}' },
    ],
  })
  for (const wrong of ['{{x}}', '{{steps.a}}', '{{steps.a.session}}', '{{}}', '{{a', '{{{{}}}}']) {
    t.match(parseTemplate(`text ${wrong}`), { ok: false, reason: /is unknown; known are/ }, wrong)
  }
  t.end()
})

t.test('what is quoted is not looked at again, and a result that is too long is none', (t) => {
  const values = { output: () => '{{inputs.x}}', input: () => 'no' }
  const parsed = parseTemplate('<{{steps.a.output}}>')
  const pieces = parsed.ok ? parsed.pieces : []
  t.equal(render(pieces, values, 14), '<{{inputs.x}}>')
  t.equal(render(pieces, values, 13), undefined)
  t.end()
})

t.test('any text without double braces is its own rendering', (t) => {
  const text = fc.string().filter((one) => !one.includes('{{'))
  fc.assert(
    fc.property(text, text, (before, after) => {
      const parsed = parseTemplate(`${before}{{inputs.x}}${after}`)
      // A brace or a backslash right in front would make another mark of it.
      fc.pre(!/[\\{]$/.test(before) && !after.startsWith('}'))
      const values = { output: () => '', input: () => '|' }
      t.ok(parsed.ok && render(parsed.pieces, values, 1000) === `${before}|${after}`)
    }),
  )
  t.end()
})

t.test('what is wrong with the steps is named', (t) => {
  t.equal(
    problem([step('a'), step('b', { needs: ['a'], prompt: '{{steps.a.output}}' })]),
    undefined,
  )
  t.match(problem([step('a'), step('a')]), /two steps are called a/)
  t.match(problem([step('a', { needs: ['x'] })]), /step a needs x, which does not exist/)
  const circle = [
    step('a', { needs: ['b'] }),
    step('b', { needs: ['c'] }),
    step('c', { needs: ['b'] }),
  ]
  t.match(problem(circle), /in a circle: b -> c -> b/)
  t.match(problem([step('a', { needs: ['a'] })]), /in a circle: a -> a/)
  t.match(
    problem([step('a', { start: { backend: 'demo' } })]),
    /step a: give either session or start/,
  )
  t.match(problem([step('a', { session: undefined })]), /step a: give either session or start/)
  t.match(problem([step('a', { prompt: '{{inputs.x}}' })]), /step a: it quotes input x/)
  t.equal(problem([step('a', { prompt: '{{inputs.x}}' })], 'x'), undefined)
  const apart = [step('a'), step('b', { prompt: '{{steps.a.output}}' })]
  t.match(problem(apart), /step b: it quotes step a, which it does not need/)
  const indirect = [
    step('a'),
    step('b', { needs: ['a'] }),
    step('c', { needs: ['b'], prompt: '{{steps.a.output}}' }),
  ]
  t.equal(problem(indirect), undefined)
  t.end()
})

/** Random steps whose needs point backwards only, so that there is no circle. */
const dag = fc
  .array(fc.record({ needs: fc.array(fc.nat(63), { maxLength: 4 }), goesOn: fc.boolean() }), {
    minLength: 1,
    maxLength: 24,
  })
  .map((nodes) =>
    nodes.map(({ needs, goesOn }, index): StepRecord => {
      const earlier = index === 0 ? [] : needs.map((need) => `s${need % index}`)
      return {
        id: `s${index}`,
        needs: [...new Set(earlier)],
        on_error: goesOn ? 'continue' : 'fail',
        keep: false,
        state: { status: 'pending' },
      }
    }),
  )

const begun = (steps: readonly StepRecord[], max_parallel: number): WorkflowRecord => ({
  ...{ execution: 'e', name: '', owner: 'local', trace: '', max_parallel, created_at: 0 },
  ...{ created_age: 0, status: 'running', reason: '', steps, duties: [] },
})

const at = (age: number) => ({ wall: age, age })

t.test('a cycle is found exactly when there is one', (t) => {
  fc.assert(
    fc.property(dag, fc.nat(), fc.nat(), (steps, from, to) => {
      t.equal(cycleOf(steps), undefined)
      const upper = steps[Math.max(from % steps.length, to % steps.length)]
      const lower = steps[Math.min(from % steps.length, to % steps.length)]
      if (!upper || !lower) return
      const closed = steps.map((one) =>
        one === lower ? { ...one, needs: [...one.needs, upper.id] } : one,
      )
      const isCircle = upper === lower || ancestors(upper.id, steps).has(lower.id)
      const cycle = cycleOf(closed)
      t.equal(cycle !== undefined, isCircle)
      if (!cycle) return
      t.equal(cycle[0], cycle.at(-1))
      for (const [index, id] of cycle.slice(0, -1).entries()) {
        t.ok(closed.find((one) => one.id === id)?.needs.includes(cycle[index + 1] ?? ''))
      }
    }),
  )
  t.end()
})

/** How each step ends, in which order, and what is checked after each event. */
function play(
  steps: readonly StepRecord[],
  maxParallel: number,
  choices: readonly { readonly which: number; readonly works: boolean }[],
  check: (before: WorkflowRecord, event: WorkflowEvent, after: WorkflowRecord) => void,
): WorkflowRecord {
  let record = begun(steps, maxParallel)
  let choice = 0
  const apply = (event: WorkflowEvent): void => {
    const after = next(record, event, at(choice))
    check(record, event, after)
    record = after
  }
  while (record.status === 'running') {
    for (const id of due(record)) apply({ type: 'started', step: id })
    const running = record.steps.filter(({ state }) => state.status === 'running')
    const { which, works } = choices[choice % choices.length] ?? { which: 0, works: true }
    choice += 1
    const chosen = running[which % Math.max(1, running.length)]
    if (!chosen) throw new Error('nothing runs, and the workflow has not ended')
    const { id } = chosen
    apply({ type: 'opened', step: id, session: `session of ${id}` })
    apply({ type: 'asked', step: id, session: `session of ${id}`, turn: 1, sequence: 2 })
    const error = { code: 'TURN_FAILED', message: 'no' }
    apply(works ? { type: 'completed', step: id, cut: false } : { type: 'failed', step: id, error })
  }
  return record
}

const choices = fc.array(
  fc.record({ which: fc.nat(), works: fc.oneof(fc.constant(true), fc.boolean()) }),
  { minLength: 1, maxLength: 40 },
)

t.test('each workflow ends, and its steps run in their order and within the limit', (t) => {
  fc.assert(
    fc.property(dag, fc.integer({ min: 1, max: 6 }), choices, (steps, maxParallel, chosen) => {
      const ended = play(steps, maxParallel, chosen, (before, event, after) => {
        const running = after.steps.filter(({ state }) => state.status === 'running')
        t.ok(running.length <= maxParallel)
        if (event.type !== 'started') return
        const started = before.steps.find(({ id }) => id === event.step)
        for (const need of started?.needs ?? []) {
          const needed = before.steps.find(({ id }) => id === need)
          const isDone = needed?.state.status === 'completed'
          t.ok(isDone || (needed?.state.status === 'failed' && needed.on_error === 'continue'))
        }
      })
      const failed = ended.steps.filter(({ state }) => state.status === 'failed')
      const fatal = failed.some(({ on_error }) => on_error === 'fail')
      t.equal(ended.status, fatal ? 'failed' : 'completed')
      const statuses = new Set(ended.steps.map(({ state }) => state.status))
      t.notOk(statuses.has('pending') || statuses.has('running'))
      t.equal(statuses.has('skipped') && !fatal, false)
      const stops = ended.duties.map(({ kind, session }) => `${kind} ${session}`)
      const owned = ended.steps
        .filter(({ state }) => state.status === 'completed' || state.status === 'failed')
        .map(({ id }) => `stop session of ${id}`)
      t.strictSame(stops.sort(), owned.sort(), 'every session that was started is to be stopped')
    }),
  )
  t.end()
})

t.test('an event that comes twice, or too late, changes nothing', (t) => {
  fc.assert(
    fc.property(dag, choices, (steps, chosen) => {
      const ended = play(steps, 4, chosen, (_, event, after) => {
        if (event.type === 'opened' || event.type === 'asked') return
        t.strictSame(next(after, event, at(99)), after)
      })
      for (const { id } of ended.steps) {
        const late = { type: 'opened', step: id, session: 'x' } as const
        t.strictSame(next(ended, late, at(99)), ended)
      }
      t.strictSame(next(ended, { type: 'cancelled' }, at(99)), ended)
    }),
  )
  t.end()
})

t.test('a cancelled or expired workflow has nothing left that runs or waits', (t) => {
  const error = { code: 'DEADLINE_EXCEEDED', message: 'the deadline passed' }
  fc.assert(
    fc.property(dag, fc.integer({ min: 1, max: 6 }), (steps, maxParallel) => {
      let record = begun(steps, maxParallel)
      const started = due(record)
      for (const id of started) {
        record = next(record, { type: 'started', step: id }, at(1))
        record = next(record, { type: 'opened', step: id, session: id }, at(1))
      }
      const cancelled = next(record, { type: 'cancelled' }, at(2))
      t.equal(cancelled.status, 'cancelled')
      t.ok(cancelled.steps.every(({ state }) => state.status === 'cancelled'))
      const expired = next(record, { type: 'expired', error }, at(2))
      t.match(expired, { status: 'failed', reason: 'the deadline passed' })
      t.equal(expired.steps.filter(({ state }) => state.status === 'failed').length, started.length)
      for (const { duties } of [cancelled, expired]) {
        t.strictSame(
          duties.map(({ session }) => session),
          started,
        )
        t.ok(duties.every(({ kind }) => kind === 'stop'))
      }
    }),
  )
  t.end()
})

t.test('time is over for a step, or for the whole', (t) => {
  const [one] = [step('a')].map(({ id }): StepRecord => {
    return {
      id,
      needs: [],
      on_error: 'fail',
      keep: true,
      deadline_ms: 50,
      state: { status: 'pending' },
    }
  })
  if (!one) throw new Error('no step')
  const record = next(
    { ...begun([one], 1), deadline_ms: 80 },
    { type: 'started', step: 'a' },
    at(10),
  )
  t.strictSame([overdue(record, 59), overdue(record, 60)], [[], ['a']])
  t.strictSame([isExpired(record, 79), isExpired(record, 80)], [false, true])
  t.end()
})
