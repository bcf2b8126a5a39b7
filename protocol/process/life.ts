/** How a part lives as a process: its log, its word that it is ready, the signals that end it. */
import { writeSync } from 'node:fs'
import pino, { type Logger } from 'pino'
import type { ProtocolError } from '../errors.ts'
import { exitCodeOf } from './command-line.ts'

export interface ProcessSettings {
  readonly log_level: string
  readonly log_file?: string
  readonly ready_fd?: number
  readonly exit_with_parent: boolean
}

export function logger(part: string, { log_level, log_file }: ProcessSettings): Logger {
  const destination = pino.destination({ dest: log_file ?? 2, sync: true, mkdir: true })
  return pino({ level: log_level, base: { part, pid: process.pid } }, destination)
}

/** Tells whoever started the part what it is and where, in one line of JSON. */
export function tellReady(
  { ready_fd }: ProcessSettings,
  info: Readonly<Record<string, unknown>>,
): void {
  if (ready_fd === undefined) return
  writeSync(ready_fd, `${JSON.stringify({ ready: true, ...info, pid: process.pid })}\n`)
}

/** Says on stderr what is wrong and what to do. Returns the exit code. */
export function explain(program: string, error: ProtocolError): number {
  process.stderr.write(`${program}: ${error.message}\n  → ${error.advice}\n`)
  return exitCodeOf(error)
}

/** Resolves with the reason why the part should end. */
export function endAsked({ exit_with_parent }: ProcessSettings): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => resolve(signal))
    }
    if (!exit_with_parent) return
    process.stdin.on('end', () => resolve('the parent has ended'))
    process.stdin.on('error', () => resolve('the parent has ended'))
    process.stdin.resume()
  })
}
