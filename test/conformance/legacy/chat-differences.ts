/** What the chat stream says instead of what the old daemon said, made of what a case expects. */
import { constants } from 'node:os'
import { chunksOf, legacyChunksOf } from './chat-lines.ts'
import { isArray, isObject, type Json, type JsonObject, writeExact } from './exact-json.ts'
import { chunkOf } from './expectation.ts'
import { compare } from './pattern.ts'
import { preconditions } from './setup-words.ts'
import type { Vector } from './vector.ts'

/** Undefined when it has nothing to do with what a case expects. */
type Change = (chunks: readonly JsonObject[], vector: Vector) => readonly JsonObject[] | undefined

/** Undefined when the case is none of a CLI that prints lines. */
export function onChunks(
  expect: JsonObject,
  vector: Vector,
  change: Change,
): JsonObject | undefined {
  const expected = chunksIn(expect)
  if (expected === undefined || linesOf(vector) === undefined) return undefined
  const chunks = change(expected, vector)
  return chunks && { match: chunks, frames: chunks.map(frameOf) }
}

/** A case may write them as chunks, as frames or as both. */
function chunksIn({ match, frames }: JsonObject): readonly JsonObject[] | undefined {
  if (isArray(match)) return match.filter(isObject)
  if (!isArray(frames)) return undefined
  const chunks = frames.map((frame) =>
    typeof frame === 'string' ? chunkOf(frame.replaceAll(/:<(\w+)>/g, ':"<$1>"')) : undefined,
  )
  return chunks.every((chunk) => isObject(chunk)) ? chunks : undefined
}

/** The text of a frame with the chunk. A number is a wildcard outside of quotes. */
function frameOf(chunk: JsonObject): string {
  return `chat/<uuid> ${writeExact(chunk).replaceAll('"<int>"', '<int>')}`
}

export function inBothDialects(chunk: JsonObject): JsonObject {
  if (chunk['type'] === 'complete') return { ...chunk, session_id: '<uuid>' }
  return chunk['type'] === 'tool_use_input' ? { ...chunk, content: '<string>' } : chunk
}

/** What is true of the lines, where a case expects just what the old daemon made of them. */
export function trueChunks(
  chunks: readonly JsonObject[],
  vector: Vector,
): readonly JsonObject[] | undefined {
  const lines = linesOf(vector) ?? []
  if (compare(chunks, legacyChunksOf(lines)).length > 0) return undefined
  return [...chunksOf(lines), { type: 'complete', exit_code: exitOf(vector) }]
}

function linesOf({ transport, send }: Vector): readonly Json[] | undefined {
  const lines = transport === 'pub' && isObject(send) ? send['stdout_lines'] : undefined
  return isArray(lines) ? lines : undefined
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
