/** Sleeps in a thread of its own until the next beat is due, and tells how many have come. */
import { parentPort, workerData } from 'node:worker_threads'
import { machineNow } from './clock.ts'
import { dueBy } from './open-schedule.ts'

export interface MetronomeData {
  readonly due: Float64Array
  /** By the clock of the machine, ms. */
  readonly startAt: number
}

const { due, startAt } = workerData as MetronomeData
const sleeper = new Int32Array(new SharedArrayBuffer(4))

for (let done = 0; done < due.length; ) {
  const now = machineNow() - startAt
  const come = dueBy(due, done, now)
  if (come > done) parentPort?.postMessage(come)
  done = come
  const waitMs = (due[done] ?? 0) - (machineNow() - startAt)
  if (done < due.length && waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs)
}
