/** Checks what callers want kept: a thing that JSON can hold, and not too much of it. */
import { ProtocolError } from '../../protocol/errors.ts'
import { type JsonObject, jsonBytes, jsonProblem, MAX_METADATA_BYTES } from '../../protocol/json.ts'

/** Throws INVALID_PARAMS. */
export function metadataOf(method: string, value: Readonly<Record<string, unknown>>): JsonObject {
  const problem = jsonProblem(value, '/metadata')
  if (problem !== undefined) throw invalid(method, problem)
  return requireSmall(method, value as JsonObject)
}

/** Throws INVALID_PARAMS. */
export function requireSmall(method: string, metadata: JsonObject): JsonObject {
  const bytes = jsonBytes(metadata)
  if (bytes <= MAX_METADATA_BYTES) return metadata
  throw invalid(method, `/metadata has ${bytes} bytes as JSON, more than ${MAX_METADATA_BYTES}`)
}

function invalid(method: string, reason: string): ProtocolError {
  return new ProtocolError('INVALID_PARAMS', { method, reason })
}
