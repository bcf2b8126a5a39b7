/** What the runner prints: each failure as a diff, and one count. */
import { describe } from './pattern.ts'
import type { Result } from './run-all.ts'
import type { Outcome } from './run-vector.ts'
import { TRANSPORTS } from './vector.ts'

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

/** A line for each transport that the cases speak, what is held to the standard, and the count of all. */
export function summary(results: readonly Result[]): string[] {
  const by = TRANSPORTS.flatMap((name) => {
    const own = results.filter(({ vector }) => vector.transport === name)
    return own.length === 0 ? [] : [`${name}: ${counted(outcomesOf(own))}`]
  })
  const strict = strictOutcomes(results)
  const { passed, failed, notRun } = countOf(strict)
  const standard =
    strict.length === 0
      ? []
      : [`held to the standard: ${passed} passed, ${failed} failed, ${notRun} not run`]
  return [...(by.length > 1 ? by : []), ...standard, counted(outcomesOf(results))]
}

function counted(outcomes: readonly Outcome[]): string {
  const { passed, differences, failed, notRun } = countOf(outcomes)
  return `${passed} passed, ${differences} deliberate differences, ${failed} failed, ${notRun} not run`
}

function outcomesOf(results: readonly Result[]): readonly Outcome[] {
  return results.map(({ outcome }) => outcome)
}

/** For machines. */
export function jsonReport(results: readonly Result[]): string {
  const transports = TRANSPORTS.map((name) => {
    const own = results.filter(({ vector }) => vector.transport === name)
    return [name, countOf(outcomesOf(own))] as const
  })
  const cases = results.map(({ vector: { id, transport }, outcome, strict }) => ({
    id,
    transport,
    ...outcome,
    ...(strict && { strict }),
  }))
  const counts = {
    ...countOf(outcomesOf(results)),
    transports: Object.fromEntries(transports),
    strict: countOf(strictOutcomes(results)),
  }
  return JSON.stringify({ ...counts, cases }, null, 2)
}

export const EXIT_CODES = { good: 0, failed: 1, usage: 2, notRun: 3 } as const

export function exitCodeOf(results: readonly Result[]): number {
  const { failed, notRun } = countOf([...outcomesOf(results), ...strictOutcomes(results)])
  if (failed > 0) return EXIT_CODES.failed
  return notRun > 0 ? EXIT_CODES.notRun : EXIT_CODES.good
}
