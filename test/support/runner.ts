/** A session on a real child process, without a broker: what a host makes of whatever the child does. */
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { Backend, StartOptions } from '../../agent-host/backends/backend.ts'
import { ChildProcess } from '../../agent-host/process/child-process.ts'
import { type RunnerOptions, SessionRunner } from '../../agent-host/session-runner.ts'
import { decodeTrusted } from '../../protocol/codec.ts'
import { type Chunk, chunkType } from '../../protocol/messages/chunk.ts'
import { freshMarkers, timers, tree } from './processes.ts'

export interface Running {
  readonly runner: SessionRunner
  /** The child itself; there once `begin` has resolved. */
  readonly child: () => ChildProcess
  /** All chunks so far. */
  readonly chunks: Chunk[]
  /** Resolves with the chunks so far when one of them fits. */
  readonly until: (fits: (chunk: Chunk) => boolean) => Promise<readonly Chunk[]>
  /** The most that the log held at once, bytes. */
  readonly peakLogBytes: () => number
}

/** Begins a session of this backend; everything it started is gone at the end of the test. */
export async function runSession(
  t: Test,
  backend: Backend,
  more: { readonly start?: Partial<StartOptions>; readonly runner?: Partial<RunnerOptions> } = {},
): Promise<Running> {
  let child: ChildProcess | undefined
  let peak = 0
  const chunks: Chunk[] = []
  const waiting = new Set<() => void>()
  const start = { session: 's', cwd: t.testdir({}), env: {}, nativeSessionId: randomUUID() }
  const runner: SessionRunner = new SessionRunner({
    session: 's',
    epoch: 1,
    backend,
    command: process.execPath,
    start: { ...start, resume: false, ...more.start },
    env: { PATH: process.env['PATH'] ?? '' },
    markers: freshMarkers(t),
    startChild: async (options, events) => {
      child = await ChildProcess.start({ ...options, pipeGraceMs: 200 }, events)
      return child
    },
    stop: { tree, timers, times: { eofMs: 300, termMs: 300, killMs: 2000 } },
    quiet: { tellMs: 0, interruptMs: 0, stopMs: 0 },
    highestTurn: 0,
    newId: () => randomUUID(),
    onChunks: () => {
      peak = Math.max(peak, runner.log.bytes)
      take(runner, chunks)
      for (const look of waiting) look()
    },
    onProgress: () => {},
    ...more.runner,
  })
  t.teardown(() => runner.kill())
  await runner.begin(new AbortController().signal)
  return {
    runner,
    chunks,
    child: () => child ?? raise('the child has not started'),
    until: (fits) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!chunks.some(fits)) return
          waiting.delete(look)
          resolve(chunks)
        }
        waiting.add(look)
        look()
      }),
    peakLogBytes: () => peak,
  }
}

/** Takes and acknowledges what waits, as a broker that is always there. */
function take(runner: SessionRunner, into: Chunk[]): void {
  const { log } = runner
  for (let next = log.take(); next; next = log.take()) {
    log.acknowledge(next.sequence)
    const fields = decodeTrusted(next.body) as object
    into.push({ type: chunkType(next.type), ...fields } as Chunk)
  }
  if (runner.isPaused) runner.resume()
}

function raise(reason: string): never {
  throw new Error(reason)
}
