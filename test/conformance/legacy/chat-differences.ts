/** What the chat stream says instead of what the old daemon said, made of what a case expects. */
import { constants } from 'node:os'
import {
  isArray,
  isObject,
  type Json,
  type JsonObject,
  parseExact,
  writeExact,
} from './exact-json.ts'
import { preconditions } from './setup-words.ts'
import type { Vector } from './vector.ts'

type Change = (chunks: readonly JsonObject[], vector: Vector) => readonly JsonObject[]

/** Undefined when the case is none of a CLI that prints lines. */
export function onChunks(
  expect: JsonObject,
  vector: Vector,
  change: Change,
): JsonObject | undefined {
  const { match } = expect
  if (!isArray(match) || linesOf(vector) === undefined) return undefined
  const chunks = change(match.filter(isObject), vector)
  return { match: chunks, frames: chunks.map(frameOf) }
}

/** The text of a frame with the chunk. A number is a wildcard outside of quotes. */
function frameOf(chunk: JsonObject): string {
  return `chat/<uuid> ${writeExact(chunk).replaceAll('"<int>"', '<int>')}`
}

export function inBothDialects(chunk: JsonObject): JsonObject {
  if (chunk['type'] === 'complete') return { ...chunk, session_id: '<uuid>' }
  return chunk['type'] === 'tool_use_input' ? { ...chunk, content: '<string>' } : chunk
}

/** One end of the turn, every tool call with its result, the words of errors, the exit of the CLI. */
export function trueChunks(chunks: readonly JsonObject[], vector: Vector): readonly JsonObject[] {
  const spoken = chunks.filter(({ type }) => type !== 'turn_complete' && type !== 'complete')
  return [
    ...joined(withResults(spoken, linesOf(vector) ?? [])).map(withItsText),
    { type: 'turn_complete', turn_number: 1 },
    { type: 'complete', exit_code: exitOf(vector) },
  ]
}

function linesOf({ transport, send }: Vector): readonly Json[] | undefined {
  const lines = transport === 'pub' && isObject(send) ? send['stdout_lines'] : undefined
  return isArray(lines) ? lines.map(parsedLine) : undefined
}

function parsedLine(line: Json): Json {
  try {
    return typeof line === 'string' ? parseExact(line) : line
  } catch {
    return null
  }
}

/** Results where their lines are; a call without one is told to have been interrupted. */
function withResults(spoken: readonly JsonObject[], lines: readonly Json[]): JsonObject[] {
  const open = new Set<Json>()
  const all: JsonObject[] = []
  const rest = [...spoken]
  for (const line of lines) {
    if (!isObject(line)) continue
    const items = contentOf(line)
    for (const chunk of rest.splice(0, countOf(line, items))) {
      if (chunk['type'] === 'tool_use_start') open.add(chunk['tool_id'] ?? '')
      all.push(chunk)
    }
    for (const { type, tool_use_id: id = '' } of items) {
      if (type === 'tool_result' && open.delete(id)) all.push(resultOf(id, '<bool>'))
    }
    if (line['type'] === 'result') closeAll(open, all)
  }
  all.push(...rest)
  closeAll(open, all)
  return all
}

function closeAll(open: Set<Json>, all: JsonObject[]): void {
  const last = all.at(-1)?.['type'] === 'error' ? all.pop() : undefined
  for (const id of open) all.push(resultOf(id, true))
  if (last) all.push(last)
  open.clear()
}

function resultOf(tool_id: Json, is_error: Json): JsonObject {
  return { type: 'tool_result', tool_id, result: '<string>', is_error }
}

function contentOf(line: JsonObject): readonly JsonObject[] {
  const message = line['message']
  const content = isObject(message) ? message['content'] : undefined
  return isArray(content) ? content.filter(isObject) : []
}

/** How many chunks the old daemon made of a line, but for ends of turns. */
function countOf(line: JsonObject, items: readonly JsonObject[]): number {
  if (line['type'] === 'content_block_delta') return 1
  if (line['type'] === 'result') return line['is_error'] === true ? 1 : 0
  if (line['type'] !== 'assistant') return 0
  const counts = items.map(({ type, input }): number => {
    if (type === 'tool_use') return input === undefined ? 1 : 2
    return type === 'text' || type === 'thinking' ? 1 : 0
  })
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Pieces of one answer that follow each other are one. */
function joined(chunks: readonly JsonObject[]): JsonObject[] {
  const all: JsonObject[] = []
  for (const chunk of chunks) {
    const last = all.at(-1)
    const isText = chunk['type'] === 'text' || chunk['type'] === 'thinking'
    const [before, after] = [last?.['content'], chunk['content']]
    if (isText && last?.['type'] === chunk['type'] && isTextual(before) && isTextual(after)) {
      all[all.length - 1] = { ...chunk, content: before + after }
    } else all.push(chunk)
  }
  return all
}

function isTextual(value: Json | undefined): value is string {
  return typeof value === 'string'
}

function withItsText(chunk: JsonObject): JsonObject {
  const isLost = chunk['type'] === 'error' && chunk['message'] === 'Unknown error'
  return isLost ? { ...chunk, message: '<string>' } : chunk
}

/** As shells tell it: a signal is 128 and its number. */
function exitOf({ setup }: Vector): number {
  for (const word of typeof setup === 'string' ? (preconditions(setup) ?? []) : []) {
    if (word.is === 'claude exits') return word.code
    const signals = Object.entries(constants.signals)
    if (word.is === 'claude killed') {
      return 128 + (signals.find(([name]) => name === word.signal)?.[1] ?? 0)
    }
  }
  return 0
}
