/** A session that streams while many readers do not read: what does the broker's memory do? */
import { readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type PartProcess, startProgram } from '../part-process.ts'
import { System } from '../system.ts'
import type { StalledOptions } from './stalled-process.ts'

export interface StalledReadersOptions {
  readonly readers: number
  readonly seconds: number
  /** Time between two looks at the memory, s. */
  readonly everySeconds: number
}

/** Memory of the broker, MiB. */
export interface Memory {
  /** All that it has resident, with pages of the journal's file, which the kernel takes back when it wants to. */
  readonly resident: number
  /** What is its own. */
  readonly own: number
}

export interface StalledReadersResult {
  /** Without readers, then at each look. */
  readonly series: readonly Memory[]
  /** Chunks that a reader who does read was shown meanwhile. */
  readonly shown: number
  readonly isGapFree: boolean
}

const PROGRAM = fileURLToPath(new URL('./stalled-process.js', import.meta.url))
const SMALL = {
  transport: 'ipc',
  seed: 1,
  sessions: 1,
  clients: 0,
  hosts: 1,
  maxCount: 1,
  paceMs: 1,
  recoveryMs: 30_000,
} as const

/** Longer than any run: the worst case is that nobody is ever given up. */
const NEVER_MS = 3_600_000
/** Each number of the answer is filled up to so many bytes, and they are so many ms apart. */
export const CHUNK_BYTES = 1024
const PACE_MS = 5
/** What the journal keeps of the session, bytes: few minutes of it, so that a long run shows a level. */
export const RETAINED_BYTES = 32 * 1024 ** 2

export async function stalledReaders(
  options: StalledReadersOptions,
): Promise<StalledReadersResult> {
  const system = new System({
    ...SMALL,
    livenessMs: NEVER_MS,
    heartbeatMs: 1000,
    brokerFlags: ['--retain-session-bytes', `${RETAINED_BYTES}`],
  })
  const stalled: PartProcess[] = []
  try {
    await system.start()
    const series = [memoryOf(system)]
    for (const kind of ['deaf', 'stopped'] as const) {
      stalled.push(await startStalled(system, kind, Math.ceil(options.readers / 2)))
    }
    stalled[1]?.signal('SIGSTOP')
    const reading = new AbortController()
    const reader = readAll(system, reading.signal)
    const session = system.driver.session(system.sessions[0] ?? '')
    const count = Math.ceil((options.seconds * 1000) / PACE_MS)
    await session.prompt(`@@pace(${count},${PACE_MS},${CHUNK_BYTES})`)
    for (let at = 0; at < options.seconds; at += options.everySeconds) {
      await sleep(options.everySeconds * 1000)
      series.push(memoryOf(system))
    }
    reading.abort()
    return { series, ...(await reader) }
  } finally {
    await Promise.all(stalled.map((part) => part.end('SIGKILL')))
    await system.stop()
    rmSync(system.dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

function startStalled(system: System, kind: StalledOptions['kind'], readers: number) {
  const session = system.sessions[0] ?? ''
  const options: StalledOptions = { endpoint: system.endpoint, session, readers, kind }
  const onSurprise = (what: string) => system.surprises.push(what)
  return startProgram({ name: kind, program: PROGRAM, dir: system.dir, options, onSurprise })
}

async function readAll(
  system: System,
  signal: AbortSignal,
): Promise<{ shown: number; isGapFree: boolean }> {
  let shown = 0
  let isGapFree = true
  try {
    for await (const item of system.driver.follow(system.sessions[0] ?? '', { signal })) {
      shown += 1
      isGapFree &&= 'seq' in item && item.seq === shown
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown
  }
  return { shown, isGapFree }
}

function memoryOf({ broker }: System): Memory {
  const status = readFileSync(`/proc/${broker.pid}/status`, 'latin1')
  const megabytes = (pattern: RegExp) => Math.round(Number(pattern.exec(status)?.[1] ?? 0) / 1024)
  return { resident: megabytes(/VmRSS:\s+(\d+)/), own: megabytes(/RssAnon:\s+(\d+)/) }
}
