/** Whether the steps of a workflow can be run at all: their ids, needs, sessions and templates. */
import type { WorkflowStep } from '../../../protocol/methods/workflow.ts'
import { parseTemplate } from './template.ts'

interface Node {
  readonly id: string
  readonly needs?: readonly string[]
}

/** The first thing that is wrong, in words; undefined when nothing is. */
export function graphProblem(
  steps: readonly WorkflowStep[],
  inputs: ReadonlySet<string>,
): string | undefined {
  const ids = new Set<string>()
  for (const { id } of steps) {
    if (ids.has(id)) return `two steps are called ${id}`
    ids.add(id)
  }
  for (const { id, needs = [] } of steps) {
    const unknown = needs.find((need) => !ids.has(need))
    if (unknown !== undefined) return `step ${id} needs ${unknown}, which does not exist`
  }
  const cycle = cycleOf(steps)
  if (cycle) return `the steps need each other in a circle: ${cycle.join(' -> ')}`
  for (const step of steps) {
    const problem = stepProblem(step, steps, inputs)
    if (problem !== undefined) return `step ${step.id}: ${problem}`
  }
  return undefined
}

function stepProblem(
  step: WorkflowStep,
  steps: readonly WorkflowStep[],
  inputs: ReadonlySet<string>,
): string | undefined {
  if ((step.session === undefined) === (step.start === undefined)) {
    return 'give either session or start'
  }
  const parsed = parseTemplate(step.prompt)
  if (!parsed.ok) return parsed.reason
  const before = ancestors(step.id, steps)
  for (const piece of parsed.pieces) {
    if (piece.kind === 'input' && !inputs.has(piece.name)) {
      return `it quotes input ${piece.name}, which is not given`
    }
    if (piece.kind === 'step' && !before.has(piece.id)) {
      return `it quotes step ${piece.id}, which it does not need, not even indirectly`
    }
  }
  return undefined
}

/** All steps that have to be done before this one. */
export function ancestors(id: string, steps: readonly Node[]): ReadonlySet<string> {
  const needs = needsOf(steps)
  const found = new Set<string>()
  const waiting = [...(needs.get(id) ?? [])]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue
    found.add(next)
    waiting.push(...(needs.get(next) ?? []))
  }
  return found
}

/** A circle as a path that ends where it begins: each step needs the one behind it. */
export function cycleOf(steps: readonly Node[]): string[] | undefined {
  const needs = needsOf(steps)
  const done = new Set<string>()
  const path: string[] = []
  const visit = (id: string): string[] | undefined => {
    if (done.has(id)) return undefined
    const start = path.indexOf(id)
    if (start >= 0) return [...path.slice(start), id]
    path.push(id)
    for (const need of needs.get(id) ?? []) {
      const cycle = visit(need)
      if (cycle) return cycle
    }
    path.pop()
    done.add(id)
    return undefined
  }
  for (const { id } of steps) {
    const cycle = visit(id)
    if (cycle) return cycle
  }
  return undefined
}

function needsOf(steps: readonly Node[]): ReadonlyMap<string, readonly string[]> {
  return new Map(steps.map(({ id, needs = [] }) => [id, needs]))
}
