/** The results of a run of some measures together with those of earlier runs. Pure. */
import type { GrowthRun, Results } from './result.ts'

interface Named {
  readonly name: string
}

/** All that there are now, in the order of the page; what is not one of them any more is dropped. */
export interface Order {
  readonly measures: readonly Named[]
  readonly growths: readonly Named[]
}

/** What was run replaces what was there before under the same name, and leaves the rest as it was. */
export function merged(earlier: Results, now: Results, order: Order): Results {
  const measures = inOrder(order.measures, earlier.measures, now.measures)
  const growth = mergedGrowth(earlier.growth, now.growth, order.growths)
  // The head of the page is that of the measures: growths have their own.
  const { machine, versions, settings } = now.measures.length > 0 ? now : earlier
  return { machine, versions, settings, measures, ...(growth && { growth }) }
}

function mergedGrowth(
  earlier: GrowthRun | undefined,
  now: GrowthRun | undefined,
  order: readonly Named[],
): GrowthRun | undefined {
  if (!earlier || !now) return now ?? earlier
  return { ...now, growths: inOrder(order, earlier.growths, now.growths) }
}

function inOrder<T extends Named>(
  order: readonly Named[],
  earlier: readonly T[],
  now: readonly T[],
): T[] {
  const byName = new Map([...earlier, ...now].map((one) => [one.name, one]))
  return order.flatMap(({ name }) => byName.get(name) ?? [])
}
