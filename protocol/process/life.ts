/** How a part lives as a process: its log, its word that it is ready, the signals that end it. */
import { writeSync } from 'node:fs'
import pino, { type Logger } from 'pino'
import type { ProtocolError } from '../errors.ts'
import { exitCodeOf } from './command-line.ts'
import { Redaction, withoutCredentials } from './redaction.ts'

export interface ProcessSettings {
  readonly log_level: string
  readonly log_file?: string
  readonly ready_fd?: number
  readonly exit_with_parent: boolean
}

/** `secrets` are values that must never be written. */
export function logger(
  part: string,
  { log_level, log_file }: ProcessSettings,
  secrets: readonly string[],
): Logger {
  const redaction = new Redaction(secrets)
  const destination = pino.destination({
    dest: log_file ?? 2,
    sync: true,
    mkdir: true,
    mode: 0o600,
  })
  return pino(
    {
      level: log_level,
      base: { part, pid: process.pid },
      // An error is a record by then.
      serializers: { err: (error: unknown) => error },
      formatters: { log: (fields) => redaction.fields(fields) },
      hooks: { streamWrite: (line) => redaction.line(line) },
    },
    destination,
  )
}

/** Tells whoever started the part what it is and where, in one line of JSON. */
export function tellReady(
  { ready_fd }: ProcessSettings,
  info: Readonly<Record<string, unknown>>,
): void {
  if (ready_fd === undefined) return
  writeSync(ready_fd, `${JSON.stringify({ ready: true, ...info, pid: process.pid })}\n`)
}

/** Says something to a person at the terminal. */
export function say(program: string, text: string): void {
  process.stderr.write(`${program}: ${withoutCredentials(text)}\n`)
}

/** Says what is wrong and what to do. Returns the exit code. */
export function explain(program: string, error: ProtocolError): number {
  say(program, `${error.message}\n  → ${error.advice}`)
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
