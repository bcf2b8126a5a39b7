/**
 * Calls back when each message of an open load is due. Timers of Node are late by up to a millisecond,
 * which is more than what is measured; a thread that sleeps exactly and wakes this one costs some 50 µs.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { machineNow } from './clock.ts'
import type { MetronomeData } from './metronome-worker.ts'

const WORKER = new URL('./metronome-worker.js', import.meta.url)
/** Before the first beat: the thread has to start. */
const LEAD_MS = 100

/** `beat` gets the number of the message, from 0, and when it was due by the clock of the machine, ms. */
export async function keepTime(
  due: Float64Array,
  beat: (index: number, dueAt: number) => void,
): Promise<void> {
  const startAt = machineNow() + LEAD_MS
  const workerData: MetronomeData = { due, startAt }
  const worker = new Worker(WORKER, { workerData })
  let done = 0
  worker.on('message', (come: number) => {
    for (; done < come; done += 1) beat(done, startAt + (due[done] ?? 0))
  })
  await once(worker, 'exit')
}
