/**
 * What was said between a driver and its CLI, in order: what the host wished, what the driver wrote,
 * what the CLI said. One entry a line; test/fixtures has one such file for each recorded conversation.
 */
import type { ApprovalAnswer } from '../../agent-host/backends/backend.ts'

export type Wish =
  | { readonly do: 'start' | 'interrupt' | 'end' }
  | { readonly do: 'prompt'; readonly text: string }
  | { readonly do: 'mode'; readonly mode: string }
  | { readonly do: 'answer'; readonly approval: string; readonly answer: ApprovalAnswer }

export type Entry =
  | Wish
  /** A line to the stdin of the CLI. */
  | { readonly in: unknown }
  /** A line of its stdout; a string when it is no JSON. */
  | { readonly out: unknown }

/** How the conversation was begun. */
export interface Opening {
  readonly nativeSessionId: string
  readonly resume: boolean
  readonly options: Readonly<Record<string, unknown>>
}

export interface Transcript {
  readonly opening: Opening
  readonly entries: readonly Entry[]
}

export function format({ opening, entries }: Transcript): string {
  return [opening, ...entries].map((one) => `${JSON.stringify(one)}\n`).join('')
}

export function read(source: string): Transcript {
  const [opening, ...entries] = source
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line))
  return { opening: opening as Opening, entries: entries as Entry[] }
}

/** A line as it stands in a transcript. */
export function asEntry(line: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch {
    return line
  }
}

/** A line as it stood on the pipe. */
export function asLine(entry: unknown): string {
  return typeof entry === 'string' ? entry : JSON.stringify(entry)
}
