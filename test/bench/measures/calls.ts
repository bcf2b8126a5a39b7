/** What the measures of calls have in common: warm up, load, look at the processes. */
import type { OpenCalling } from '../contestants/callers.ts'
import type { Latency } from '../figures/percentiles.ts'
import type { ScheduledLoad, Throughput, WindowLoad } from '../load/calls.ts'
import type { Bench, Contestant, Sample } from './measure.ts'

export const IN_FLIGHT = 256
/** Calls a second of the open load: what all contestants can do without queueing. */
export const PER_SECOND = 1000

/** Code that ran less often is still being compiled. */
const WARM_UP_CALLS = 20_000

const windowMs = ({ isQuick }: Bench) => (isQuick ? 1000 : 3000)

/** So many in flight all the time; the value is calls per second. */
export function throughput(name: string, open: OpenCalling): Contestant {
  return {
    name,
    run: async (bench) => {
      const { caller, middle } = await open(bench)
      const load: WindowLoad = { inFlight: IN_FLIGHT, ms: windowMs(bench), atLeast: 0 }
      await caller.ask('window', { ...load, ms: 0, atLeast: WARM_UP_CALLS })
      const { result, cpuSeconds } = await bench.stage.cpuOf(() =>
        caller.ask<Throughput>('window', load),
      )
      return {
        value: result.count / result.seconds,
        cpuSeconds: (cpuSeconds / result.count) * 100_000,
        peakMb: bench.stage.peakMb(middle),
      }
    },
  }
}

/** One call after the other; the value is the median, ms. */
export function oneAtATime(name: string, open: OpenCalling): Contestant {
  return {
    name,
    run: async (bench) => {
      const { caller } = await open(bench)
      const count = bench.isQuick ? 1000 : 5000
      await caller.ask('oneByOne', { count })
      const { result, cpuSeconds } = await bench.stage.cpuOf(() =>
        caller.ask<Latency>('oneByOne', { count }),
      )
      return { ...asSample(result), cpuSeconds: (cpuSeconds / count) * 100_000 }
    },
  }
}

/** Calls at times that do not depend on the replies; the value is the median, ms. */
export function scheduled(name: string, open: OpenCalling): Contestant {
  return {
    name,
    run: async (bench) => {
      const { caller } = await open(bench)
      const count = PER_SECOND * (bench.isQuick ? 2 : 5)
      const load: ScheduledLoad = { perSecond: PER_SECOND, count, seed: 1 }
      await caller.ask('oneByOne', { count: 1000 })
      return asSample(await caller.ask<Latency>('schedule', load))
    },
  }
}

function asSample(latencyMs: Latency): Sample {
  return { value: latencyMs.p50, latencyMs }
}
