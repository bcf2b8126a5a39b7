/** Runs the cases of a file, each against a server that is fresh or as good as that. */
import { isClientCase, type Plan, planOf, strictPlan } from './plan.ts'
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
  /** Whether `fresh` gives one that nobody has used. */
  readonly canStartFresh: boolean
  /** A fresh one will be wanted soon. */
  warm(plan: Plan): void
  /** A target that nobody has used and nobody else will. Rejects when there can be none. */
  fresh(plan: Plan): Promise<Target>
  /** One that only cases use which leave it as it is. */
  shared(plan: Plan): Promise<Target>
  /** One that other cases have used, and of which nothing is left in it. */
  emptied(plan: Plan): Promise<Target>
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
}

export async function runAll(
  vectors: readonly Vector[],
  { source, alwaysFresh, told }: RunOptions,
): Promise<Result[]> {
  const jobs = vectors.map(jobsOf)
  const ahead = alwaysFresh ? jobs.flat().filter(({ vector }) => !isClientCase(vector.send)) : []
  const results: Result[] = []
  for (const [index, vector] of vectors.entries()) {
    const outcomes: Outcome[] = []
    for (const job of jobs[index] ?? []) {
      if (ahead[0] === job) ahead.shift()
      const next = ahead[0]?.plan
      if (!alwaysFresh) outcomes.push(await onUsed(job, source))
      else outcomes.push(await onFresh(job, source, next && (() => source.warm(next))))
    }
    const result = resultOf(vector, outcomes)
    told(result)
    results.push(result)
  }
  return results
}

function jobsOf(vector: Vector): readonly Job[] {
  const plan = planOf(vector)
  if (typeof plan === 'string') return []
  const job = { vector, plan, isStrict: false }
  const isTwofold =
    vector.expectStandard !== undefined && ['http', 'unix'].includes(vector.transport)
  return isTwofold ? [job, { vector, plan: strictPlan(plan, vector), isStrict: true }] : [job]
}

function resultOf(vector: Vector, [outcome, strict]: readonly Outcome[]): Result {
  if (outcome === undefined) return { vector, outcome: { is: 'not run', reason: whyNot(vector) } }
  return { vector, outcome, ...(strict && { strict }) }
}

function whyNot(vector: Vector): string {
  const plan = planOf(vector)
  return typeof plan === 'string' ? plan : ''
}

/** On one that others have used. The word of a fresh one counts, so what fails is tried there. */
async function onUsed(job: Job, source: TargetSource): Promise<Outcome> {
  const { vector, plan, isStrict } = job
  if (isClientCase(vector.send)) return await runVector(NO_TARGET, vector, plan, isStrict)
  const outcome = await attempt(async () => {
    const target = await (plan.isStateless ? source.shared(plan) : source.emptied(plan))
    return await runVector(target, vector, plan, isStrict)
  })
  const isGood = outcome.is === 'passed' || outcome.is === 'difference'
  return isGood || !source.canStartFresh ? outcome : await onFresh(job, source)
}

async function onFresh(
  { vector, plan, isStrict }: Job,
  source: TargetSource,
  warmNext: () => void = () => undefined,
): Promise<Outcome> {
  if (isClientCase(vector.send)) return await runVector(NO_TARGET, vector, plan, isStrict)
  return await attempt(async () => {
    const target = await source.fresh(plan)
    warmNext()
    const outcome = await runVector(target, vector, plan, isStrict)
    source.done(target)
    return outcome
  })
}

/** Without a target there is no case. */
async function attempt(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run()
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
