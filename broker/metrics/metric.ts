/** What a metric is: its type, help and labels, and how its values are read, in one place. */
import type { ConnectionEnd } from '../../protocol/link/broker-link.ts'
import type { Backlog } from '../connections.ts'
import type { Core } from '../core/core.ts'
import type { Histogram } from '../core/histogram.ts'
import type { KeyAnswer, SubscriptionOutcome } from './outcomes.ts'

/** All that metrics are read from. */
export interface View {
  readonly core: Core
  /** Bytes that a host gets as credit at first. */
  readonly hostCreditBytes: number
  readonly connections: {
    readonly count: number
    /** Those that have not shaken hands. */
    readonly greeting: number
    readonly stuck: number
    readonly backlog: Backlog
    readonly ends: ReadonlyMap<ConnectionEnd, number>
  }
  /** What came of subscriptions. */
  readonly subscriptions: ReadonlyMap<SubscriptionOutcome, number>
  /** How keys that asked to connect were answered. */
  readonly keyAnswers: ReadonlyMap<KeyAnswer, number>
}

export type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number]
export type HistogramSample = readonly [labels: Labels, histogram: Histogram]

interface Described {
  readonly help: string
  readonly labels: readonly string[]
}

export type Metric = Described &
  (
    | { readonly type: 'counter' | 'gauge'; readonly read: (view: View) => Iterable<Sample> }
    | { readonly type: 'histogram'; readonly read: (view: View) => Iterable<HistogramSample> }
  )

/** A metric of one value. */
export function single(
  type: 'counter' | 'gauge',
  help: string,
  read: (view: View) => number,
): Metric {
  return { type, help, labels: [], read: (view) => [[{}, read(view)]] }
}

/** One histogram without labels. */
export function distribution(help: string, read: (view: View) => Histogram): Metric {
  return { type: 'histogram', help, labels: [], read: (view) => [[{}, read(view)]] }
}

/** One value for each of the names, 0 where nothing was counted. */
export function each<Name extends string>(
  label: string,
  names: readonly Name[],
  counts: ReadonlyMap<Name, number>,
): Sample[] {
  return names.map((name) => [{ [label]: name }, counts.get(name) ?? 0])
}

/** How often each name comes. */
export function countsOf<Name extends string>(names: Iterable<Name>): Map<Name, number> {
  const counts = new Map<Name, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
