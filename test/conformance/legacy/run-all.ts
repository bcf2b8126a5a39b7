/** Runs the cases of a file, each against a fresh server unless it can neither change nor see state. */
import { isClientCase, type Plan, planOf } from './plan.ts'
import { type Outcome, runVector } from './run-vector.ts'
import type { Target } from './stack.ts'
import type { Vector } from './vector.ts'

export interface Result {
  readonly vector: Vector
  readonly outcome: Outcome
  /** The same case held to the standard. */
  readonly strict?: Outcome
}

/** Where targets come from. */
export interface TargetSource {
  /** Such a target will be wanted soon. */
  warm(plan: Plan): void
  /** A target that nobody has used and nobody else will. Rejects when there can be none. */
  fresh(plan: Plan): Promise<Target>
  /** One that only cases use which leave it as it is. */
  shared(plan: Plan): Promise<Target>
  /** Gives back what `fresh` gave. */
  done(target: Target): void
}

export interface RunOptions {
  readonly source: TargetSource
  readonly alwaysFresh: boolean
  readonly told: (result: Result) => void
}

/** A case, once as the old daemon was or once to the standard. */
interface Job {
  readonly vector: Vector
  readonly plan: Plan
  readonly isStrict: boolean
  readonly isShared: boolean
}

export async function runAll(vectors: readonly Vector[], options: RunOptions): Promise<Result[]> {
  const jobs = vectors.map((vector) => jobsOf(vector, options))
  const ahead = jobs
    .flat()
    .filter(({ vector, isShared }) => !isShared && !isClientCase(vector.send))
  const results: Result[] = []
  for (const [index, vector] of vectors.entries()) {
    const outcomes: Outcome[] = []
    for (const job of jobs[index] ?? []) {
      if (ahead[0] === job) ahead.shift()
      outcomes.push(await onTarget(job, ahead[0]?.plan, options.source))
    }
    const result = resultOf(vector, outcomes)
    options.told(result)
    results.push(result)
  }
  return results
}

function jobsOf(vector: Vector, { alwaysFresh }: RunOptions): readonly Job[] {
  const plan = planOf(vector)
  if (typeof plan === 'string') return []
  const isShared = plan.isStateless && !alwaysFresh
  const job = { vector, plan, isShared, isStrict: false }
  const isTwofold = vector.expectStandard !== undefined && vector.transport === 'http'
  return isTwofold ? [job, { ...job, isStrict: true }] : [job]
}

function resultOf(vector: Vector, [outcome, strict]: readonly Outcome[]): Result {
  if (outcome === undefined) return { vector, outcome: { is: 'not run', reason: whyNot(vector) } }
  return { vector, outcome, ...(strict && { strict }) }
}

function whyNot(vector: Vector): string {
  const plan = planOf(vector)
  return typeof plan === 'string' ? plan : ''
}

async function onTarget(
  { vector, plan, isStrict, isShared }: Job,
  next: Plan | undefined,
  source: TargetSource,
): Promise<Outcome> {
  if (isClientCase(vector.send)) return await runVector(NO_TARGET, vector, plan, isStrict)
  try {
    const target = await (isShared ? source.shared(plan) : source.fresh(plan))
    if (next) source.warm(next)
    const outcome = await runVector(target, vector, plan, isStrict)
    if (!isShared) source.done(target)
    return outcome
  } catch (error) {
    return { is: 'not run', reason: (error as Error).message }
  }
}

/** Enough for cases in which no server takes part. */
const NO_TARGET: Target = {
  doors: {},
  auth: undefined,
  native: () => Promise.reject(new Error('there is no broker')),
  scriptClaude: () => undefined,
  end: () => Promise.resolve(),
}
