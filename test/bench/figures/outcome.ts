/** What several runs of one contestant come to. Pure. */
import type { Sample } from '../measures/measure.ts'
import { type Latency, median } from './percentiles.ts'

export interface Outcome {
  /** Median of the runs; min and max beside it. */
  readonly value: number
  readonly min: number
  readonly max: number
  readonly repeats: number
  readonly latencyMs?: Latency
  readonly cpuSeconds?: number
  readonly peakMb?: number
  readonly more?: Readonly<Record<string, number>>
}

/** Medians of every figure that all samples have. Throws when there are none. */
export function outcomeOf(samples: readonly Sample[]): Outcome {
  const values = samples.map(({ value }) => value)
  return {
    value: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    repeats: values.length,
    ...optional('latencyMs', samples, latencyMedians),
    ...optional('cpuSeconds', samples, median),
    ...optional('peakMb', samples, median),
    ...optional('more', samples, mediansByName),
  }
}

function optional<K extends 'latencyMs' | 'cpuSeconds' | 'peakMb' | 'more', T>(
  name: K,
  samples: readonly Sample[],
  combine: (values: readonly NonNullable<Sample[K]>[]) => T,
): { [P in K]?: T } {
  const values = samples.map((sample) => sample[name]).filter((value) => value !== undefined)
  if (values.length !== samples.length) return {}
  return { [name]: combine(values as NonNullable<Sample[K]>[]) } as { [P in K]?: T }
}

function latencyMedians(all: readonly Latency[]): Latency {
  return {
    p50: median(all.map(({ p50 }) => p50)),
    p99: median(all.map(({ p99 }) => p99)),
    p999: median(all.map(({ p999 }) => p999)),
  }
}

function mediansByName(
  all: readonly Readonly<Record<string, number>>[],
): Readonly<Record<string, number>> {
  const names = Object.keys(all[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(all.map((one) => one[name] ?? 0))]))
}
