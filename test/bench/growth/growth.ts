/**
 * What a growth is: one number of the system that is made larger and larger, what is measured at each of its
 * points, how that is drawn, and what there is to say of it. Everything is agentmq alone: no peer takes part.
 */
import type { Trends } from '../figures/trend.ts'
import type { Bench } from '../measures/measure.ts'

/** By their names, in the units of the growth. */
export type Figures = Readonly<Record<string, number>>

export interface Point {
  readonly x: number
  readonly figures: Figures
}

/** One chart of a plot; its figures have one unit. */
export interface Panel {
  readonly title: string
  readonly unit: string
  readonly figures: readonly string[]
}

export interface Climb {
  readonly isQuick: boolean
  readonly points: readonly number[]
  /** Works on a stage that ends with it. */
  onStage<T>(work: (bench: Bench) => Promise<T>): Promise<T>
  tell(x: number, figures: Figures): void
}

export interface Growth {
  /** Begins with `growth-`, so that `--only growth` means all of them. */
  readonly name: string
  readonly title: string
  /** What is made larger, with its unit. */
  readonly x: string
  /** What is done at each point. */
  readonly about: string
  readonly panels: readonly Panel[]
  readonly points: readonly number[]
  /** Fewer, and smaller ones. */
  readonly quickPoints: readonly number[]
  run(climb: Climb): Promise<void>
  /** What bends and why, from what was measured: sentences that hold whatever that was. */
  text(trends: Trends): readonly string[]
}

/** For a growth whose points have nothing to do with each other: each has a stage of its own. */
export async function atEach(
  climb: Climb,
  measure: (bench: Bench, x: number) => Promise<Figures>,
): Promise<void> {
  for (const x of climb.points) climb.tell(x, await climb.onStage((bench) => measure(bench, x)))
}
