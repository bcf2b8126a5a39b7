/** What came of a growth, as a part of the document that `--json` writes. Pure. */
import { Trends } from '../figures/trend.ts'
import type { Growth, Panel, Point } from '../growth/growth.ts'

export interface GrowthResult {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly x: string
  readonly panels: readonly Panel[]
  readonly points: readonly Point[]
  /** What bends and why; empty when it was not run. */
  readonly text: readonly string[]
  /** The run that it comes from, where that is not the one named above it. */
  readonly from?: string | undefined
  /** Why there are no points, or not all of them; empty when there are. */
  readonly failed: string
}

export function growthResult(
  growth: Growth,
  points: readonly Point[],
  failed: string,
): GrowthResult {
  const { name, title, about, x, panels } = growth
  const text = failed === '' ? growth.text(new Trends(points)) : []
  return { name, title, about, x, panels, points, text, failed }
}
