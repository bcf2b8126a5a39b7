/** Whether ours has reached what it has to. Pure. */
import type { Goal } from '../measures/measure.ts'
import type { Outcome } from './outcome.ts'

export interface Judged {
  readonly text: string
  /** What was measured against the limit; null when ours or the peer was not run. */
  readonly is: number | null
  /** Of `is`; `x` for a ratio. */
  readonly unit: string
  readonly met: boolean | null
}

type Outcomes = Readonly<Record<string, Outcome>>

export function judge(
  goal: Goal,
  unit: string,
  ours: Outcome | undefined,
  peers: Outcomes,
): Judged {
  const is = figureOf(goal, ours, peers)
  const judged = { text: textOf(goal, unit), unit: unitOf(goal, unit) }
  if (is === undefined) return { ...judged, is: null, met: null }
  const met = 'atLeast' in goal ? is >= goal.atLeast : is <= goal.atMost
  return { ...judged, is, met }
}

function figureOf(goal: Goal, ours: Outcome | undefined, peers: Outcomes): number | undefined {
  if (!ours) return undefined
  if (goal.peer !== undefined) {
    const peer = peers[goal.peer]
    return peer && ours.value / peer.value
  }
  return 'figure' in goal ? ours.more?.[goal.figure] : ours.value
}

function unitOf(goal: Goal, unit: string): string {
  if (goal.peer !== undefined) return 'x'
  return 'figure' in goal ? '' : unit
}

function textOf(goal: Goal, unit: string): string {
  if ('atLeast' in goal) return `at least ${goal.atLeast} x ${goal.peer}`
  if (goal.peer !== undefined) return `at most ${goal.atMost} x ${goal.peer}`
  return 'figure' in goal
    ? `${goal.figure} at most ${goal.atMost}`
    : `at most ${goal.atMost} ${unit}`
}

/** Of all goals together: false when one is missed, null when none is but one could not be judged. */
export function allMet(judged: readonly Judged[]): boolean | null {
  if (judged.some(({ met }) => met === false)) return false
  return judged.length === 0 || judged.some(({ met }) => met === null) ? null : true
}
