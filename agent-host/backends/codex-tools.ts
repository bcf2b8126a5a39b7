/**
 * The items of a turn of Codex (0.169.0) that are tool calls: commands, changes of files, tools of MCP
 * servers and the rest. Their input is never streamed; it is whole when they start.
 */
import {
  entryOf,
  type JsonRecord,
  numberAt,
  recordAt,
  recordsAt,
  stringAt,
  stringsAt,
  toolInput,
} from './json.ts'
import type { OpenTools } from './open-tools.ts'

interface ToolKind {
  /** Default: the type of the item. */
  readonly name?: (item: JsonRecord) => string
  readonly input: (item: JsonRecord) => unknown
  readonly result: (item: JsonRecord) => string
}

const status = (item: JsonRecord): string => stringAt(item, 'status') ?? ''
const fields =
  (...names: readonly string[]) =>
  (item: JsonRecord): JsonRecord =>
    Object.fromEntries(names.flatMap((name) => (name in item ? [[name, item[name]]] : [])))

const KINDS: Readonly<Record<string, ToolKind>> = {
  commandExecution: {
    input: fields('command', 'cwd'),
    result: (item) => stringAt(item, 'aggregatedOutput') ?? (failed(item) ? status(item) : ''),
  },
  fileChange: { input: fields('changes'), result: status },
  mcpToolCall: {
    name: (item) => `${stringAt(item, 'server') ?? ''}.${stringAt(item, 'tool') ?? ''}`,
    input: (item) => item['arguments'],
    result: mcpResult,
  },
  dynamicToolCall: {
    name: (item) => stringAt(item, 'tool') ?? 'dynamicToolCall',
    input: (item) => item['arguments'],
    result: (item) => texts(recordsAt(item, 'contentItems')) || status(item),
  },
  webSearch: { input: fields('query', 'action'), result: status },
  imageView: { input: fields('path'), result: status },
  imageGeneration: { input: fields('prompt'), result: status },
  collabAgentToolCall: {
    name: (item) => stringAt(item, 'tool') ?? 'collabAgentToolCall',
    input: fields('prompt', 'model', 'receiverThreadIds'),
    result: status,
  },
  sleep: { input: fields('durationMs'), result: status },
}

export class CodexTools {
  readonly #tools: OpenTools

  constructor(tools: OpenTools) {
    this.#tools = tools
  }

  /** False when the item is no tool call. */
  started(item: JsonRecord): boolean {
    const id = stringAt(item, 'id')
    const kind = kindOf(item)
    if (id === undefined || kind === undefined) return false
    this.#tools.start(id, nameOf(item))
    this.#tools.input(id, inputOf(item))
    return true
  }

  /** Also of one whose start was not told. False when the item is no tool call. */
  completed(item: JsonRecord): boolean {
    if (!this.started(item)) return false
    this.#tools.settle(stringAt(item, 'id') ?? '', kindOf(item)?.result(item) ?? '', failed(item))
    return true
  }
}

export function inputOf(item: JsonRecord): unknown {
  return toolInput(kindOf(item)?.input(item) ?? {})
}

function nameOf(item: JsonRecord): string {
  return kindOf(item)?.name?.(item) ?? stringAt(item, 'type') ?? ''
}

function kindOf(item: JsonRecord): ToolKind | undefined {
  return entryOf(KINDS, stringAt(item, 'type') ?? '')
}

function failed(item: JsonRecord): boolean {
  const exitCode = numberAt(item, 'exitCode') ?? 0
  return (
    exitCode !== 0 || ['failed', 'declined'].includes(status(item)) || item['success'] === false
  )
}

function mcpResult(item: JsonRecord): string {
  const error = recordAt(item, 'error')
  if (error !== undefined) return stringAt(error, 'message') ?? 'failed'
  return texts(recordsAt(recordAt(item, 'result') ?? {}, 'content'))
}

function texts(blocks: readonly JsonRecord[]): string {
  return blocks
    .map((block) => stringAt(block, 'text') ?? `[${stringAt(block, 'type') ?? 'unknown'}]`)
    .join('\n')
}

/** The reasoning of a finished item in one text. */
export function reasoningText(item: JsonRecord): string {
  return [...stringsAt(item, 'summary'), ...stringsAt(item, 'content')].join('\n\n')
}
