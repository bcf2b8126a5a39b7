/** Requests that mean something in core-scene.ts, as a program would make them: what is rare by chance alone. */
import type { BrokerMethod } from '../../../protocol/methods/index.ts'
import type { Random } from '../random.ts'
import type { Names } from './core-steps.ts'

export interface GoodRequest {
  readonly method: BrokerMethod
  readonly params: unknown
}

type Make = (name: (of: string) => unknown, random: Random) => GoodRequest

const DECISIONS = ['allow', 'allow_always', 'deny'] as const
const ACTIONS = ['session.prompt', 'session.pause', 'session.stop', 'session.interrupt'] as const

const MAKERS: readonly Make[] = [
  (name, random) => ({
    method: 'approval.answer',
    params: { approval: name('approval'), decision: random.pick(DECISIONS) },
  }),
  () => ({ method: 'approval.list', params: { changed_since: 0, wait_ms: 500 } }),
  (name) => ({ method: 'session.prompt', params: { session: name('sessions'), text: 'go on' } }),
  (name) => ({ method: 'session.recover', params: { session: name('sessions') } }),
  (name) => ({ method: 'session.stop', params: { session: name('sessions') } }),
  (name, random) => ({
    method: 'session.pause',
    params: { session: name('sessions'), mode: random.pick(['hold', 'freeze']) },
  }),
  (name) => ({ method: 'session.remove', params: { session: name('sessions'), force: true } }),
  (name, random) => ({
    method: 'session.batch',
    params: {
      action: random.pick(ACTIONS),
      sessions: [name('sessions'), name('sessions')],
      params: random.chance(0.5) ? { text: 'x' } : {},
      fail_fast: random.chance(0.5),
    },
  }),
  (name) => ({
    method: 'session.create',
    params: { backend: 'demo', host: name('host'), metadata: { a: 1 }, recovery: 'auto' },
  }),
  workflow,
  (name) => ({ method: 'output.query', params: { session: name('sessions'), pattern: 'a|b' } }),
  (name) => ({ method: 'stream.read', params: { session: name('session'), from: 1 } }),
  (name, random) => ({
    method: 'state.set',
    params: { key: name('key'), value: { a: [1, null] }, version: random.below(3) },
  }),
]

/** Steps that need each other, over sessions that are there and such as are started for them. */
function workflow(name: (of: string) => unknown, random: Random): GoodRequest {
  const first = { id: 'a', session: name('sessions'), prompt: 'say {{inputs.word}}' }
  const second = {
    id: 'b',
    needs: ['a'],
    start: { backend: 'demo' },
    prompt: '{{steps.a.output}}!',
  }
  const third = {
    id: 'c',
    needs: ['a', 'b'],
    session: name('sessions'),
    prompt: '\\{{ {{steps.b.output}}',
  }
  const steps = [first, second, third].slice(0, random.between(1, 3))
  const more = random.chance(0.5) ? { max_parallel: 1 } : { deadline_ms: 5000 }
  const harmed = random.chance(0.3)
    ? [...steps, { ...third, id: 'a', on_error: 'continue' }]
    : steps
  const params = { name: 'w', steps: harmed, inputs: { word: 'hi', constructor: 1 }, ...more }
  return { method: 'workflow.execute', params }
}

export function goodRequest(names: Names, random: Random): GoodRequest {
  const name = (of: string): unknown => random.pick(names[of] ?? [of])
  return random.pick(MAKERS)(name, random)
}
