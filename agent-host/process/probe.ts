/** Runs a command such as `claude --version` to see whether it is there. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Probe } from '../backends/backend.ts'
import { ChildProcess } from './child-process.ts'
import type { Environment } from './environment.ts'
import type { Markers } from './markers.ts'
import { killNow, type StopContext } from './stop.ts'
import { happensWithin } from './timers.ts'

export const PROBE_DEFAULTS = {
  limitMs: 20_000, // ms; `gemini --version` took more than 10 s on a machine with 8 times too much to do
  maxStdoutBytes: 64 * 1024, // bytes kept; a version is one line
} as const

export interface ProbeContext extends StopContext {
  readonly env: Environment
  readonly markers: Markers
  readonly limitMs?: number
}

/** A probe that ends what it started, also when that hangs. It never rejects. */
export function createProbe(context: ProbeContext): Probe {
  return async (command, args) => {
    const lines: string[] = []
    let bytes = 0
    try {
      const child = await ChildProcess.start(
        { ...context, backend: command, command, args, cwd: '/' },
        {
          line: (line) => {
            bytes += line.bytes
            if (bytes <= PROBE_DEFAULTS.maxStdoutBytes) lines.push(line.text)
          },
          overflow: () => {},
          error: () => {},
        },
      )
      child.closeStdin()
      return await result(child, context, lines)
    } catch (error) {
      const failure = ProtocolError.from(error, 'host', 'no')
      return { missing: String(failure.details['reason'] ?? failure.message) }
    }
  }
}

async function result(
  child: ChildProcess,
  context: ProbeContext,
  lines: readonly string[],
): ReturnType<Probe> {
  const limitMs = context.limitMs ?? PROBE_DEFAULTS.limitMs
  if (!(await happensWithin(context.timers, child.exited, limitMs))) {
    await killNow(child, context)
    return { missing: `no answer within ${limitMs} ms` }
  }
  const { exitCode, signal } = await child.exited
  if (exitCode === null) return { missing: `ended by ${signal}` }
  return { stdout: lines.join('\n'), exitCode }
}
