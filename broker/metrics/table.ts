/** The table of metrics: everything about each of them is defined in one place. */
import { CALL_METRICS } from './call-metrics.ts'
import type { Metric } from './metric.ts'
import { STATE_METRICS } from './state-metrics.ts'
import { STREAM_METRICS } from './stream-metrics.ts'

export const METRICS: Readonly<Record<string, Metric>> = {
  ...CALL_METRICS,
  ...STREAM_METRICS,
  ...STATE_METRICS,
}
