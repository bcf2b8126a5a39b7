/**
 * Loaded into a part before it starts (`node --import`): measures the delay of its event loop, and says at
 * SIGUSR2, in a file, what it has seen since the last time. It adds one timer and nothing else.
 */
import { writeFileSync } from 'node:fs'
import v8 from 'node:v8'
import vm from 'node:vm'
import { percentile } from '../figures/percentiles.ts'

/** A timer that should fire this often, ms. */
const PERIOD_MS = 5

export interface ProbeReport {
  /** Delay of the event loop, ms. */
  readonly lagP50: number
  readonly lagP99: number
  readonly lagMax: number
  /** After a collection, MB. */
  readonly heapMb: number
}

const file = process.env['AGENTMQ_BENCH_PROBE'] ?? ''
let lags: number[] = []
let due = performance.now() + PERIOD_MS

setInterval(() => {
  const now = performance.now()
  lags.push(Math.max(0, now - due))
  due = now + PERIOD_MS
}, PERIOD_MS).unref()

function report(): ProbeReport {
  const sorted = lags.sort((a, b) => a - b)
  lags = []
  v8.setFlagsFromString('--expose-gc')
  const collect = vm.runInNewContext('gc') as () => void
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return {
    lagP50: percentile(sorted, 50),
    lagP99: percentile(sorted, 99),
    lagMax: percentile(sorted, 100),
    heapMb: (heapUsed + external) / 1e6,
  }
}

process.on('SIGUSR2', () => writeFileSync(file, JSON.stringify(report())))
