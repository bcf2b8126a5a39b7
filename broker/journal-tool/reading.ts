/**
 * Runs the reading of a journal in a process of its own: on some damage LMDB ends the process that
 * reads, and that must be an answer, not the end of the tool.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Job, Told } from './jobs.ts'
import type { At, SurveyLine } from './survey-lines.ts'

const ENTRY = fileURLToPath(new URL('./reading-process.js', import.meta.url))

/** The reading came to its end too early, though the file could be opened. */
export interface Death {
  readonly how: string
  /** The last place that it told; undefined when it died before. */
  readonly at: At | undefined
}

export function deathText({ how, at }: Death): string {
  if (at === undefined) return `${how} while it opened the file`
  return at.key === '' ? `${how} at the start` : `${how} at or behind key ${at.key}`
}

/**
 * Does the job; undefined when it was done. Its results go to stdout if `shows`. Rejects with
 * STORAGE_FAILED when there is nothing to read, and with what is wrong with the job.
 */
export async function read(
  job: Job,
  hear: (line: SurveyLine) => void,
  { shows = false } = {},
): Promise<Death | undefined> {
  // What LMDB says on stderr when it gives up is no text for users; the report says what happened.
  const stdio = ['ignore', shows ? 'inherit' : 'ignore', 'ignore', 'pipe'] as const
  const child = spawn(process.execPath, [ENTRY, JSON.stringify(job)], { stdio: [...stdio] })
  const ended = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>
  let at: At | undefined
  let failure: ProtocolError | undefined
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const told = complete(line)
    if (told?.kind === 'failed') failure = ProtocolError.fromWire(told.error)
    else if (told) {
      if (told.kind === 'at') at = told
      hear(told)
    }
  }
  const [code, signal] = await ended
  if (failure && (!at || failure.code !== 'STORAGE_FAILED')) throw failure
  if (failure) return { how: failure.message, at }
  if (code === 0) return undefined
  return { how: `the reading process died (${signal ?? `exit code ${code}`})`, at }
}

/** Undefined for a line that was cut off by the death of its writer. */
function complete(line: string): Told | undefined {
  try {
    return JSON.parse(line) as Told
  } catch {
    return undefined
  }
}
