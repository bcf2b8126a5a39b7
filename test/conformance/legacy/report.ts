/** What the runner prints: each failure as a diff, and one count. */
import { describe } from './pattern.ts'
import type { Result } from './run-all.ts'
import type { Outcome } from './run-vector.ts'

export interface Counts {
  readonly passed: number
  readonly differences: number
  readonly failed: number
  readonly notRun: number
}

export function countOf(outcomes: readonly Outcome[]): Counts {
  const count = (...names: readonly Outcome['is'][]): number =>
    outcomes.filter(({ is }) => names.includes(is)).length
  return {
    passed: count('passed'),
    differences: count('difference'),
    failed: count('failed', 'broken'),
    notRun: count('not run'),
  }
}

/** Cases of which a standard says something, held to the standard. */
export function strictOutcomes(results: readonly Result[]): readonly Outcome[] {
  return results.flatMap(({ strict }) => (strict ? [strict] : []))
}

/** Lines about a case that did not simply pass. */
export function tell({ vector: { id, note }, outcome, strict }: Result): string[] {
  const lines = tellOutcome(id, outcome)
  if (strict && strict.is !== 'passed') lines.push(...tellOutcome(`${id} (strict)`, strict))
  return lines.length > 0 && outcome.is === 'failed' && note !== ''
    ? [...lines, `    note: ${note}`]
    : lines
}

function tellOutcome(id: string, outcome: Outcome): string[] {
  switch (outcome.is) {
    case 'passed':
      return []
    case 'difference':
      return [`DIFFERS  ${id}: ${outcome.defects.join(', ')}`]
    case 'not run':
      return [`NOT RUN  ${id}: ${outcome.reason}`]
    case 'broken':
      return [`FAILED   ${id}: ${outcome.reason}`]
    case 'failed':
      return [
        `FAILED   ${id}`,
        ...describe(outcome.mismatches),
        ...(outcome.instead
          ? ['    nor is it the deliberate difference:', ...describe(outcome.instead)]
          : []),
      ]
    default:
      return outcome satisfies never
  }
}

export function summary(results: readonly Result[]): string[] {
  const strict = strictOutcomes(results)
  const { passed, differences, failed, notRun } = countOf(results.map(({ outcome }) => outcome))
  const count = `${passed} passed, ${differences} deliberate differences, ${failed} failed, ${notRun} not run`
  if (strict.length === 0) return [count]
  const to = countOf(strict)
  return [
    `held to the standard: ${to.passed} passed, ${to.failed} failed, ${to.notRun} not run`,
    count,
  ]
}

/** For machines. */
export function jsonReport(results: readonly Result[]): string {
  const cases = results.map(({ vector: { id, transport }, outcome, strict }) => ({
    id,
    transport,
    ...outcome,
    ...(strict && { strict }),
  }))
  const counts = countOf(results.map(({ outcome }) => outcome))
  return JSON.stringify({ ...counts, strict: countOf(strictOutcomes(results)), cases }, null, 2)
}

export function hasFailed(results: readonly Result[]): boolean {
  const outcomes = [...results.map(({ outcome }) => outcome), ...strictOutcomes(results)]
  return countOf(outcomes).failed > 0
}
