/**
 * Writes metrics in the text format of Prometheus. prom-client is loaded when somebody asks, and only
 * writes: its own counters cost 4 µs for each labelled value, which calls and chunks cannot afford.
 */
import type { Metric as PromMetric } from 'prom-client'
import type { MetricsText } from '../core/core.ts'
import type { HistogramSample, Labels, Metric, View } from './metric.ts'
import { METRICS } from './table.ts'

interface Value {
  readonly metricName?: string
  readonly labels: Labels
  readonly value: number
}

export async function exposition(view: View): Promise<MetricsText> {
  const { Registry } = await import('prom-client')
  const registry = new Registry()
  for (const [name, metric] of Object.entries(METRICS)) {
    registry.registerMetric(snapshot(name, metric, view))
  }
  return { content_type: registry.contentType, text: await registry.metrics() }
}

/** The part of a metric that a registry uses, with the values of now. */
function snapshot(name: string, metric: Metric, view: View): PromMetric {
  const values = [...valuesOf(name, metric, view)]
  const { help, type } = metric
  const read = { name, get: async () => ({ name, help, type, values, aggregator: 'sum' }) }
  return read as unknown as PromMetric
}

function* valuesOf(name: string, metric: Metric, view: View): Generator<Value> {
  if (metric.type === 'histogram') {
    for (const sample of metric.read(view)) yield* buckets(name, sample)
  } else for (const [labels, value] of metric.read(view)) yield { labels, value }
}

function* buckets(name: string, [labels, histogram]: HistogramSample): Generator<Value> {
  const metricName = `${name}_bucket`
  for (const [bound, value] of histogram.cumulative()) {
    yield { metricName, labels: { le: String(bound), ...labels }, value }
  }
  yield { metricName, labels: { le: '+Inf', ...labels }, value: histogram.count }
  yield { metricName: `${name}_sum`, labels, value: histogram.sum }
  yield { metricName: `${name}_count`, labels, value: histogram.count }
}
