/**
 * What the Rust GUI makes of a message of the PUB socket: as strict as its decoder, so that a chunk
 * which is shown here is one that the GUI shows.
 */
import {
  isInteger,
  isObject,
  type Json,
  type JsonObject,
  parseExact,
  writeExact,
} from './exact-json.ts'

/** Half of a surrogate pair is no text to serde. */
const string = (value: Json): boolean => typeof value === 'string' && !/\p{Surrogate}/u.test(value)
const boolean = (value: Json): boolean => typeof value === 'boolean'
const any = (): boolean => true
const integer =
  (least: bigint, most: bigint) =>
  (value: Json): boolean => {
    // `-0` is a float to serde.
    if (!isInteger(value) || writeExact(value) === '-0') return false
    const number = BigInt(writeExact(value))
    return least <= number && number <= most
  }
const i32 = integer(-(2n ** 31n), 2n ** 31n - 1n)
const u32 = integer(0n, 2n ** 32n - 1n)

/** The members that each chunk must have. Others are ignored. */
const CHUNKS: Readonly<Record<string, Readonly<Record<string, (value: Json) => boolean>>>> = {
  text: { content: string },
  thinking: { content: string },
  tool_use_start: { tool_name: string, tool_id: string },
  tool_use_input: { tool_id: string, input: any },
  tool_result: { tool_id: string, result: string, is_error: boolean },
  turn_complete: { turn_number: u32 },
  complete: { exit_code: i32 },
  error: { message: string },
}

/** The chunk with the members that the GUI reads; null when it drops the message. */
export function guiChunk(frames: readonly Uint8Array[]): JsonObject | null {
  const text = jsonText(frames)
  if (text === undefined) return null
  try {
    const json = parseExact(text)
    return isObject(json) ? read(json) : null
  } catch {
    return null
  }
}

/** One frame is cut at its first space; of several, the second is the JSON. */
function jsonText(frames: readonly Uint8Array[]): string | undefined {
  const [first, second] = frames
  if (second !== undefined) return utf8(second)
  const text = first === undefined ? undefined : utf8(first)
  const space = text?.indexOf(' ') ?? -1
  return space < 0 ? undefined : text?.slice(space + 1)
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function read(json: JsonObject): JsonObject | null {
  const { type } = json
  const members = typeof type === 'string' && Object.hasOwn(CHUNKS, type) ? CHUNKS[type] : undefined
  if (members === undefined || type === undefined) return null
  const chunk: Record<string, Json> = { type }
  for (const [name, fits] of Object.entries(members)) {
    const value = json[name]
    if (value === undefined || !fits(value)) return null
    chunk[name] = value
  }
  return chunk
}
