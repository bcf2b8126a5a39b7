/** Real processes for tests: started with the markers of one test, and all gone at its end. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import {
  type ChildEvents,
  type ChildOptions,
  ChildProcess,
} from '../../agent-host/process/child-process.ts'
import { sessionMarkers } from '../../agent-host/process/markers.ts'
import { type ProcessIdentity, ProcessTree } from '../../agent-host/process/process-tree.ts'
import { realTimers } from '../../agent-host/process/timers.ts'

export const tree = new ProcessTree()
export const timers = realTimers

/** What a child has said so far; `next` waits for more. */
export interface Heard {
  readonly lines: string[]
  readonly stderr: string[]
  readonly overflows: number[]
  readonly errors: string[]
  readonly child: ChildProcess
  /** Resolves when the condition holds, looked at whenever the child says something. */
  readonly until: (condition: () => boolean) => Promise<void>
}

/** JavaScript that keeps a process alive. */
export const STAY = 'setInterval(() => {}, 1e6)'

/** Starts a process that leaves parent and group, as CLIs do with their tools, and tells its pid. */
export const DETACH = `
  const { spawn } = require('node:child_process')
  const tool = spawn(process.execPath, ['-e', ${JSON.stringify(STAY)}], { detached: true, stdio: 'ignore' })
  console.log(tool.pid); tool.unref()
`

/** Starts a child under markers of its own; whatever carries them is killed when the test ends. */
export async function startChild(t: Test, options: Partial<ChildOptions>): Promise<Heard> {
  const markers = options.markers ?? freshMarkers(t)
  const waiting = new Set<() => void>()
  const told = (): void => {
    for (const look of waiting) look()
  }
  const heard = { lines: [] as string[], stderr: [] as string[], overflows: [] as number[] }
  const errors: string[] = []
  const events: ChildEvents = {
    line: (line) => heard.lines.push(line.text) && told(),
    overflow: (bytes) => heard.overflows.push(bytes) && told(),
    stderrLine: (line) => heard.stderr.push(line.text) && told(),
    error: (error) => errors.push(error.code) && told(),
  }
  const base = { backend: 'test', command: process.execPath, args: [], cwd: process.cwd() }
  const env = { PATH: process.env['PATH'] ?? '' }
  const child = await ChildProcess.start({ ...base, env, ...options, markers }, events)
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  return { ...heard, errors, child, until }
}

/** Runs JavaScript as a child. */
export function startScript(
  t: Test,
  script: string,
  options: Partial<ChildOptions> = {},
): Promise<Heard> {
  return startChild(t, { ...options, args: ['-e', script] })
}

/** A child that has detached a tool and then runs `script`. */
export async function startWithTool(
  t: Test,
  script: string,
): Promise<Heard & { readonly tool: ProcessIdentity }> {
  const heard = await startScript(t, DETACH + script)
  await heard.until(() => heard.lines.length > 0)
  const tool = tree.identify(Number(heard.lines[0]))
  if (tool === undefined) throw new Error('the tool did not start')
  return { ...heard, tool }
}

/** Markers that no other test has; their processes are killed at the end of the test. */
export function freshMarkers(t: Test): ReturnType<typeof sessionMarkers> {
  const markers = sessionMarkers(randomUUID(), randomUUID(), tree.self())
  t.teardown(() => {
    for (const one of tree.marked(markers)) tree.signal(one, 'SIGKILL')
  })
  return markers
}

/** Looks again and again until the condition holds; fails after 10 s. For what sends no event. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`still waiting for: ${what}`)
    await delay(10)
  }
}
