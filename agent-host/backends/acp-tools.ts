/**
 * Tool calls as ACP agents tell them: in pieces, by kinds that differ from agent to agent. Some tell the
 * input with the call, some later, some never; output is content, raw output, or hidden in `_meta`.
 */
import type { AcpQuirks } from './acp-agents.ts'
import type { BackendEvent } from './backend.ts'
import {
  asRecord,
  INPUT_LEVELS,
  type JsonRecord,
  nestsWithin,
  numberAt,
  recordAt,
  recordsAt,
  stringAt,
  toolInput,
} from './json.ts'
import { OpenTools } from './open-tools.ts'

interface Call {
  readonly name: string
  input: unknown
  /** What its terminal has shown, for agents that tell it nowhere else. */
  terminal: string
  exitCode: number | undefined
  isDenied: boolean
}

/** A call at the moment when it is asked about. */
export interface AskedTool {
  readonly toolId: string
  readonly toolName: string
  readonly input: unknown
  readonly title: string | undefined
}

export class AcpTools {
  readonly #quirks: AcpQuirks
  readonly #open: OpenTools
  readonly #calls = new Map<string, Call>()

  constructor(quirks: AcpQuirks, emit: (event: BackendEvent) => void) {
    this.#quirks = quirks
    this.#open = new OpenTools(emit)
  }

  /** A `tool_call` or a `tool_call_update`; an update of an unknown call begins it. */
  update(told: JsonRecord): void {
    const id = stringAt(told, 'toolCallId')
    if (id === undefined) return
    const call = this.#call(id, told)
    const status = stringAt(told, 'status')
    if (status === 'in_progress') this.#tellInput(id, call)
    if (status !== 'completed' && status !== 'failed') return
    this.#tellInput(id, call)
    const isError = status === 'failed' || hasFailed(told, call)
    this.#open.settle(id, outputOf(told, call), isError)
  }

  /** The call that a permission is asked for: for Gemini CLI this is the first that is told of it. */
  asked(told: JsonRecord): AskedTool {
    const toolId = stringAt(told, 'toolCallId') ?? ''
    const call = this.#call(toolId, told)
    this.#tellInput(toolId, call)
    // The question may know more of the input than the call did, such as the difference it would make.
    const input = sound(told['rawInput'] ?? call.input)
    return { toolId, toolName: call.name, input, title: stringAt(told, 'title') }
  }

  /** Not every agent tells what became of a call that was denied. */
  denied(toolId: string): void {
    const call = this.#calls.get(toolId)
    if (call !== undefined) call.isDenied = true
  }

  /** Ends the turn: what has no result gets one. */
  close(): void {
    for (const [id, { isDenied }] of this.#calls) {
      if (isDenied) this.#open.settle(id, 'denied', true)
    }
    this.#open.close()
    this.#calls.clear()
  }

  #call(id: string, told: JsonRecord): Call {
    let call = this.#calls.get(id)
    if (call === undefined) {
      call = {
        name: this.#nameOf(id, told),
        input: undefined,
        terminal: '',
        exitCode: undefined,
        isDenied: false,
      }
      this.#calls.set(id, call)
      this.#open.start(id, call.name)
    }
    call.input = told['rawInput'] ?? call.input ?? describedInput(told)
    const meta = recordAt(told, '_meta') ?? {}
    call.terminal += stringAt(recordAt(meta, 'terminal_output_delta') ?? {}, 'data') ?? ''
    call.exitCode = numberAt(recordAt(meta, 'terminal_exit') ?? {}, 'exit_code') ?? call.exitCode
    return call
  }

  #nameOf(id: string, told: JsonRecord): string {
    const mark = this.#quirks.toolNameBefore
    const end = mark === undefined ? -1 : id.indexOf(mark)
    if (end > 0) return id.slice(0, end)
    return stringAt(told, 'name') ?? stringAt(told, 'title') ?? stringAt(told, 'kind') ?? ''
  }

  #tellInput(id: string, { input }: Call): void {
    this.#open.input(id, sound(input))
  }
}

/** For agents that tell no input: what they show to people. */
function describedInput(told: JsonRecord): JsonRecord {
  const title = stringAt(told, 'title')
  const description = contentText(told)
  return { ...(title && { title }), ...(description && { description }) }
}

function sound(input: unknown): unknown {
  return toolInput(input) ?? {}
}

/** OpenCode calls a command completed whatever its exit code, also one that was aborted (null). */
function hasFailed(told: JsonRecord, call: Call): boolean {
  if (call.exitCode !== undefined) return call.exitCode !== 0
  const metadata = recordAt(recordAt(told, 'rawOutput') ?? {}, 'metadata') ?? {}
  return Object.hasOwn(metadata, 'exit') && metadata['exit'] !== 0
}

function outputOf(told: JsonRecord, call: Call): string {
  const raw = told['rawOutput']
  if (typeof raw === 'string') return raw
  const record = asRecord(raw)
  const text = record && (stringAt(record, 'output') ?? stringAt(record, 'error'))
  const shown = text ?? (contentText(told) || call.terminal)
  return shown === '' && record !== undefined ? shortJson(record) : shown
}

function shortJson(value: JsonRecord): string {
  return nestsWithin(value, INPUT_LEVELS) ? JSON.stringify(value) : '(nested too deeply)'
}

/** The content of a call as text; of a difference only the path, since the input has the rest. */
function contentText(told: JsonRecord): string {
  return recordsAt(told, 'content')
    .map((item) => {
      const type = stringAt(item, 'type')
      if (type === 'content') return blockText(recordAt(item, 'content') ?? {})
      return type === 'diff' ? `changed ${stringAt(item, 'path') ?? 'a file'}` : ''
    })
    .filter((text) => text !== '')
    .join('\n')
}

/** A content block of the protocol as text. */
export function blockText(block: JsonRecord): string {
  const type = stringAt(block, 'type')
  if (type === 'text') return stringAt(block, 'text') ?? ''
  const uri = stringAt(block, 'uri') ?? stringAt(recordAt(block, 'resource') ?? {}, 'uri')
  return uri ?? `[${type ?? 'unknown'}]`
}
