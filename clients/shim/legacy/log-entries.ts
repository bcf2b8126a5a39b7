/** agent.logs: the stream of a session as log entries, one for each line that the agent wrote. */
import type { StreamItem } from '../../sdk/index.ts'
import { rfc3339 } from './times.ts'

export interface LogEntry {
  readonly context: object | null
  readonly level: 'info' | 'warn' | 'error' | 'debug'
  readonly message: string
  readonly timestamp: string
}

interface Place {
  readonly seq: number
  readonly time: number
  readonly turn: number
}

interface OpenLine {
  /** Of the chunk in which it begins. */
  readonly place: Place
  readonly text: string
}

/** How far a reader has come; with it another one goes on as this one would have. */
export interface LogState {
  readonly line: OpenLine | undefined
  readonly hasStarted: boolean
}

export const AT_START: LogState = { line: undefined, hasStarted: false }

/** Characters of one entry; a longer line is told in several. */
const MAX_LINE = 65_536

/** Takes the items of one stream in order, and gives the entries that they complete. */
export class LogEntries {
  #line: OpenLine | undefined
  #hasStarted: boolean

  constructor({ line, hasStarted }: LogState = AT_START) {
    this.#line = line
    this.#hasStarted = hasStarted
  }

  get state(): LogState {
    return { line: this.#line, hasStarted: this.#hasStarted }
  }

  *add(item: StreamItem): Generator<LogEntry> {
    if (item.type === 'text') {
      yield* this.#text(item)
      return
    }
    yield* this.end()
    const entry = this.#entry(item)
    if (entry) yield entry
  }

  /** The line that has no end yet. */
  *end(): Generator<LogEntry> {
    const line = this.#line
    this.#line = undefined
    if (line && line.text !== '') yield entryOf(line.place, 'info', line.text, { stream: 'stdout' })
  }

  *#text(item: Extract<StreamItem, { type: 'text' }>): Generator<LogEntry> {
    const [first = '', ...more] = item.content.split('\n')
    const place: Place = { seq: item.seq, time: item.time, turn: item.turn }
    const open = this.#line ?? { place, text: '' }
    this.#line = { place: open.place, text: open.text + first }
    for (const text of more) {
      yield* this.end()
      this.#line = { place, text }
    }
    if (this.#line !== undefined && this.#line.text.length > MAX_LINE) yield* this.end()
  }

  #entry(item: StreamItem): LogEntry | undefined {
    switch (item.type) {
      case 'status':
        return this.#status(item)
      case 'prompt':
        return entryOf(item, 'info', item.text, { type: 'prompt' })
      case 'tool_use_start':
        return entryOf(item, 'info', `Tool ${item.tool_name}`, { tool_id: item.tool_id })
      case 'tool_result':
        return entryOf(item, item.is_error ? 'warn' : 'info', item.result, {
          tool_id: item.tool_id,
        })
      case 'stderr':
        return entryOf(item, 'warn', item.content, { stream: 'stderr' })
      case 'error':
        return entryOf(item, 'error', item.message, null)
      case 'complete':
        this.#hasStarted = false
        return entryOf(item, item.exit_code === 0 ? 'info' : 'warn', ended(item), {
          exit_code: item.exit_code,
        })
      default:
        return undefined
    }
  }

  /** Of all changes of status, that the agent runs. */
  #status(item: Extract<StreamItem, { type: 'status' }>): LogEntry | undefined {
    if (this.#hasStarted || !['idle', 'running'].includes(item.status)) return undefined
    this.#hasStarted = true
    return entryOf(item, 'info', 'Agent started', null)
  }
}

function ended({ exit_code, signal }: Extract<StreamItem, { type: 'complete' }>): string {
  if (exit_code !== null) return `Agent ended with exit code ${exit_code}`
  return signal ? `Agent ended by ${signal}` : 'Agent ended'
}

function entryOf(
  { seq, time, turn }: Place,
  level: LogEntry['level'],
  message: string,
  context: object | null,
): LogEntry {
  const more = context && { ...context, sequence: seq, turn }
  return { context: more, level, message, timestamp: rfc3339(time) }
}
