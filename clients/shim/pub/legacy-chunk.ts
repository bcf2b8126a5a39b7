/** What the old chat stream says for each native chunk, in one table. Pure. */
import { constants } from 'node:os'
import type { Chunk, ChunkType, StreamItem } from '../../sdk/index.ts'

/** A chunk of the old stream; `type` comes first, because old readers may cut the text there. */
export type LegacyChunk =
  | { readonly type: 'text' | 'thinking'; readonly content: string }
  | { readonly type: 'tool_use_start'; readonly tool_name: string; readonly tool_id: string }
  | {
      readonly type: 'tool_use_input'
      readonly tool_id: string
      readonly input: unknown
      /** The input as JSON text, for readers of the other dialect. */
      readonly content: string
    }
  | {
      readonly type: 'tool_result'
      readonly tool_id: string
      readonly result: string
      readonly is_error: boolean
    }
  | { readonly type: 'turn_complete'; readonly turn_number: number }
  | { readonly type: 'complete'; readonly exit_code: number; readonly session_id: string }
  | { readonly type: 'error'; readonly message: string }

type Of<T extends ChunkType> = Extract<Chunk, { type: T }>

const nothing = () => undefined

const TABLE: { readonly [T in ChunkType]: (chunk: Of<T>) => LegacyChunk | undefined } = {
  text: ({ content }) => ({ type: 'text', content }),
  thinking: ({ content }) => ({ type: 'thinking', content }),
  tool_use_start: ({ tool_name, tool_id }) => ({ type: 'tool_use_start', tool_name, tool_id }),
  tool_use_input: ({ tool_id, input }) => toolInput(tool_id, input ?? null),
  tool_result: ({ tool_id, result, is_error }) => ({
    type: 'tool_result',
    tool_id,
    result,
    is_error,
  }),
  turn_complete: ({ turn_number }) => ({ type: 'turn_complete', turn_number }),
  complete: (chunk) => ({
    type: 'complete',
    exit_code: exitCode(chunk),
    session_id: chunk.session_id,
  }),
  // Old readers take an error for the end of the answer, so one that is tried again is none to them.
  error: ({ message, retrying }) => (retrying === true ? undefined : { type: 'error', message }),
  prompt: nothing,
  usage: nothing,
  status: nothing,
  stderr: nothing,
  approval_request: nothing,
  approval_settled: nothing,
  event: nothing,
  audit: nothing,
}

/** Undefined = the old stream has no word for it. */
export function legacyChunk(item: StreamItem): LegacyChunk | undefined {
  // What a newer broker sends, and chunk types that are not of conversations, are nothing to old readers.
  if (!Object.hasOwn(TABLE, item.type)) return undefined
  const translate = TABLE[item.type as ChunkType] as (chunk: StreamItem) => LegacyChunk | undefined
  return translate(item)
}

const MAX_I32 = 2 ** 31 - 1

/** Old readers drop a `complete` whose code is no i32: a signal is told as shells do, 128 + its number. */
export function exitCode({
  exit_code,
  signal,
}: Pick<Of<'complete'>, 'exit_code' | 'signal'>): number {
  if (exit_code !== null) return Math.abs(exit_code) <= MAX_I32 ? exit_code : -1
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1]
  return number === undefined ? -1 : 128 + number
}

function toolInput(tool_id: string, input: unknown): LegacyChunk {
  return { type: 'tool_use_input', tool_id, input, content: json(input) }
}

/** MessagePack carries integers that JSON text cannot; those become text. */
function json(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? String(part) : part,
  )
}

export function chatTopic(session: string): string {
  return `chat/${session}`
}

/** The one frame of a chunk: topic, a space, JSON. `seq` lets readers drop what is repeated. */
export function legacyFrame(session: string, chunk: LegacyChunk, seq: number): string {
  return `${chatTopic(session)} ${json({ ...chunk, seq })}`
}
