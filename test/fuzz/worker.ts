/** Plays one target in a thread of its own, so that both processors work and a case that never ends can be ended. */
import { parentPort, workerData } from 'node:worker_threads'
import { type Finding, type Report, runTarget } from './run.ts'
import { makeTarget, type TargetName } from './targets/index.ts'

export interface WorkerData {
  readonly target: TargetName
  readonly seed: number
  readonly cases: number
  /** ms since 1970. */
  readonly until: number
  /** Counts tries; the second cell is the case that is played. */
  readonly progress: Int32Array
}

export type WorkerMessage =
  | { readonly type: 'finding'; readonly finding: Finding }
  | { readonly type: 'report'; readonly report: Report }

/** Buffers lose their class on the way to another thread. */
export function asBuffers(finding: Finding): Finding {
  return { ...finding, input: finding.input.map((piece) => Buffer.from(piece)) }
}

if (parentPort) {
  const port = parentPort
  const { target, seed, cases, until, progress } = workerData as WorkerData
  const report = await runTarget(await makeTarget(target, seed), {
    seed,
    cases,
    isOver: () => Date.now() >= until,
    onCase: (index) => Atomics.store(progress, 1, index),
    onTry: () => Atomics.add(progress, 0, 1),
    onFinding: (finding) => port.postMessage({ type: 'finding', finding } satisfies WorkerMessage),
  })
  port.postMessage({ type: 'report', report } satisfies WorkerMessage)
}
