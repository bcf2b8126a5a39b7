/** The results of a run as a document: what `--json` writes, and all that the reports read. Pure. */
import { allMet, type Judged, judge } from '../figures/goals.ts'
import type { Outcome } from '../figures/outcome.ts'
import { type Measure, OURS } from '../measures/measure.ts'
import type { GrowthResult } from './growth-result.ts'

export interface MeasureResult {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly unit: string
  readonly better: 'more' | 'less'
  /** The peer that says what the machine and its sockets can do. */
  readonly floor: string | null
  readonly ours: number | null
  readonly peers: Readonly<Record<string, number>>
  /** Ours divided by the peer. */
  readonly ratios: Readonly<Record<string, number>>
  /** Empty when there is none. */
  readonly goal: string
  /** Null when there is no goal, or it could not be judged. */
  readonly met: boolean | null
  readonly goals: readonly Judged[]
  /** All figures of each contestant, ours among them. */
  readonly outcomes: Readonly<Record<string, Outcome>>
  /** Why a contestant has none, by its name. */
  readonly notRun: Readonly<Record<string, string>>
  /** The run that it comes from, where that is not the one that the page begins with. */
  readonly from?: string | undefined
}

/** On what a run was, with what, and how. */
export interface RunHead {
  readonly machine: Readonly<Record<string, string | number>>
  readonly versions: Readonly<Record<string, string>>
  readonly settings: Readonly<Record<string, string | number | boolean>>
}

/** May be of another run than the measures beside it. */
export interface GrowthRun extends RunHead {
  readonly growths: readonly GrowthResult[]
}

export interface Results extends RunHead {
  readonly measures: readonly MeasureResult[]
  readonly growth?: GrowthRun | undefined
}

export function measureResult(
  measure: Measure,
  outcomes: Readonly<Record<string, Outcome>>,
  notRun: Readonly<Record<string, string>>,
): MeasureResult {
  const { name, title, about, unit, better, floor = null } = measure
  const { [OURS]: ours, ...others } = outcomes
  const peers = Object.entries(others).map(([peer, { value }]) => [peer, value] as const)
  const goals = measure.goals.map((goal) => judge(goal, unit, ours, others))
  return {
    ...{ name, title, about, unit, better, floor },
    ours: ours?.value ?? null,
    peers: Object.fromEntries(peers),
    ratios: ours ? Object.fromEntries(peers.map(([peer, is]) => [peer, ours.value / is])) : {},
    goal: goals.map(({ text }) => text).join('; '),
    met: allMet(goals),
    goals,
    outcomes,
    notRun,
  }
}
