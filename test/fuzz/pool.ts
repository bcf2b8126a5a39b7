/** Plays jobs in threads, so many at a time, and notices one that hangs or dies. */
import { Worker } from 'node:worker_threads'
import { Random } from './random.ts'
import type { Finding, Report } from './run.ts'
import { makeTarget, type TargetName } from './targets/index.ts'
import { asBuffers, type WorkerData, type WorkerMessage } from './worker.ts'

/** A thread that tries nothing for this long hangs, ms. */
const HANGS_MS = 60_000
const LOOK_MS = 5000
/** Memory of one thread, MiB: a case that makes gigabytes ends its thread and not the run. */
const MAX_MIB = 2048

export interface Job {
  readonly target: TargetName
  readonly seed: number
  readonly cases: number
}

export interface PoolOptions {
  readonly workers: number
  /** ms since 1970. */
  readonly until: number
  readonly onFinding: (finding: Finding) => void
  readonly onReport: (report: Report) => void
}

export async function playAll(jobs: readonly Job[], options: PoolOptions): Promise<void> {
  const waiting = [...jobs]
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job; job = waiting.shift()) await play(job, options)
  }
  await Promise.all(Array.from({ length: options.workers }, work))
}

async function play(job: Job, options: PoolOptions): Promise<void> {
  const progress = new Int32Array(new SharedArrayBuffer(8))
  const data: WorkerData = { ...job, until: options.until, progress }
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: MAX_MIB },
  })
  const end = await endOf(worker, progress, options)
  if (end === undefined) return
  const index = Atomics.load(progress, 1)
  options.onFinding(await lostFinding(job, index, end))
  const tookMs = HANGS_MS
  options.onReport({ target: job.target, cases: index, tookMs, findings: [], repeats: 0 })
}

/** Undefined when it came to its end; else what ended it. */
function endOf(
  worker: Worker,
  progress: Int32Array,
  { onFinding, onReport }: PoolOptions,
): Promise<string | undefined> {
  let isDone = false
  worker.on('message', (message: WorkerMessage) => {
    if (message.type === 'finding') onFinding(asBuffers(message.finding))
    else {
      isDone = true
      onReport(message.report)
    }
  })
  return new Promise((resolve) => {
    const stopWatch = watch(progress, () => {
      resolve('it hangs')
      void worker.terminate()
    })
    worker.once('error', (error) => resolve(`the thread died: ${error.message}`))
    worker.once('exit', (code) => {
      stopWatch()
      resolve(isDone ? undefined : `the thread ended with ${code}`)
    })
  })
}

function watch(progress: Int32Array, hangs: () => void): () => void {
  let seen = -1
  let since = performance.now()
  const timer = setInterval(() => {
    const tries = Atomics.load(progress, 0)
    if (tries !== seen) since = performance.now()
    else if (performance.now() - since > HANGS_MS) hangs()
    seen = tries
  }, LOOK_MS)
  return () => clearInterval(timer)
}

/** The case at which a thread was lost is made again here. */
async function lostFinding({ target, seed }: Job, index: number, end: string): Promise<Finding> {
  const made = await makeTarget(target, seed)
  const problem = { text: end, signature: end }
  const input = made.generate(Random.ofCase(seed, target, index))
  return { target, seed, index, problem, input, isReproduced: false }
}
