/** The results of a run of some measures together with those of earlier runs. Pure. */
import type { GrowthRun, Results, RunHead } from './result.ts'

interface Named {
  readonly name: string
}

interface OfRun extends Named {
  readonly from?: string | undefined
}

/** All that there are now, in the order of the page; what is not one of them any more is dropped. */
export interface Order {
  readonly measures: readonly Named[]
  readonly growths: readonly Named[]
}

/** Which run it was, for what stands beside results of another. */
function nameOf({ machine, versions, settings }: RunHead): string {
  const size = settings['quick'] === true ? 'quick' : 'full'
  const load = String(machine['load before'] ?? 'unknown').split(' ')[0]
  return `${String(machine['date'])}, agentmq ${versions['agentmq']}, ${size}, load before ${load}`
}

/** What was run replaces what was there before under the same name, and leaves the rest as it was. */
export function merged(earlier: Results, now: Results, order: Order): Results {
  const hasMeasures = now.measures.length > 0
  const before = hasMeasures ? marked(earlier.measures, nameOf(earlier)) : earlier.measures
  const measures = inOrder(order.measures, before, now.measures)
  const growth = mergedGrowth(earlier.growth, now.growth, order.growths)
  // The head of the page is that of the measures: growths have their own.
  const { machine, versions, settings } = hasMeasures ? now : earlier
  return { machine, versions, settings, measures, ...(growth && { growth }) }
}

function mergedGrowth(
  earlier: GrowthRun | undefined,
  now: GrowthRun | undefined,
  order: readonly Named[],
): GrowthRun | undefined {
  if (!earlier || !now) return now ?? earlier
  const before = marked(earlier.growths, nameOf(earlier))
  return { ...now, growths: inOrder(order, before, now.growths) }
}

/** Each with the run that it is from. */
function marked<T extends OfRun>(all: readonly T[], from: string): T[] {
  return all.map((one) => ({ ...one, from: one.from ?? from }))
}

function inOrder<T extends Named>(
  order: readonly Named[],
  earlier: readonly T[],
  now: readonly T[],
): T[] {
  const byName = new Map([...earlier, ...now].map((one) => [one.name, one]))
  return order.flatMap(({ name }) => byName.get(name) ?? [])
}
