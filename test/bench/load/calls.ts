/** The loads that callers are put under: so many in flight, one at a time, or an open schedule. */
import { type Latency, latencyOf } from '../figures/percentiles.ts'
import { seeded } from '../figures/seeded.ts'
import { machineNow } from './clock.ts'
import { keepTime } from './metronome.ts'
import { openSchedule } from './open-schedule.ts'

export type Call = () => Promise<unknown>

export interface WindowLoad {
  readonly inFlight: number
  /** It lasts so long, and until there were so many calls. */
  readonly ms: number
  readonly atLeast: number
}

export interface Throughput {
  readonly count: number
  readonly seconds: number
}

/** Keeps so many calls in flight all the time, and at the end waits for the last of them. */
export async function inWindow(
  call: Call,
  { inFlight, ms, atLeast }: WindowLoad,
): Promise<Throughput> {
  const start = performance.now()
  const end = start + ms
  let count = 0
  const lane = async (): Promise<void> => {
    while (count < atLeast || performance.now() < end) {
      await call()
      count += 1
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return { count, seconds: (performance.now() - start) / 1000 }
}

/** Latency in ms of so many calls, each begun when the one before has ended. */
export async function oneByOne(call: Call, { count }: { count: number }): Promise<Latency> {
  const latencies: number[] = []
  for (let index = 0; index < count; index += 1) {
    const since = machineNow()
    await call()
    latencies.push(machineNow() - since)
  }
  return latencyOf(latencies)
}

export interface ScheduledLoad {
  readonly perSecond: number
  readonly count: number
  readonly seed: number
}

/** Latency in ms of calls that are begun when they are due, counted from when they were due. */
export async function onSchedule(
  call: Call,
  { perSecond, count, seed }: ScheduledLoad,
): Promise<Latency> {
  const latencies: number[] = []
  const running: Promise<unknown>[] = []
  const due = openSchedule({ perSecond, count, random: seeded(seed) })
  await keepTime(due, (_index, dueAt) => {
    running.push(call().then(() => latencies.push(machineNow() - dueAt)))
  })
  await Promise.all(running)
  return latencyOf(latencies)
}
