/**
 * The chunks of one session on their way to the broker: numbered when they are first sent, kept until they
 * are acknowledged, bounded in bytes. Deltas that still wait are merged, so a slow link carries the same
 * text in fewer chunks. Pure: no sockets, no clock.
 */
import { encode } from '../protocol/codec.ts'
import { MAX_CHUNK_BYTES, WIRE_LIMITS } from '../protocol/limits.ts'
import { CHUNK_CODES, type Chunk } from '../protocol/messages/chunk.ts'
import { scanMsgpack } from '../protocol/msgpack-scan.ts'
import { BUFFER_LIMITS, HeldBytes } from './held-bytes.ts'

/** A chunk with its place in the session, ready for APPEND. */
export interface Numbered {
  readonly sequence: number
  readonly turn: number
  readonly type: number
  readonly body: Buffer
}

interface Waiting {
  readonly turn: number
  chunk: Chunk
  /** At least what it will cost when it is sent, so that sending never needs room. */
  bytes: number
}

/** What a chunk takes beside its body, and each of the pieces that a text is merged from. */
const OVERHEAD_BYTES = 64
/** What a body takes beside its text: names of fields, ids, numbers. */
const WRAPPING_BYTES = 128

export class ChunkLog {
  /** Of all sessions together. */
  readonly #all: HeldBytes
  #waiting: Waiting[] = []
  #sent: Numbered[] = []
  /** Index in `#sent` of the next one to send; at its end, a waiting one is next. */
  #cursor = 0
  #lastNumber = 0
  readonly #held: HeldBytes
  #isDiscarded = false
  #onNew: () => void = () => {}

  constructor(maxBytes: number = BUFFER_LIMITS.sessionBytes, all: HeldBytes = new HeldBytes()) {
    this.#held = new HeldBytes(maxBytes)
    this.#all = all
  }

  get bytes(): number {
    return this.#held.bytes
  }

  /** The most that it has held. */
  get peakBytes(): number {
    return this.#held.peakBytes
  }

  /** The child must not be read until there is room again. */
  get isFull(): boolean {
    return this.#held.isFull || this.#all.isOver
  }

  /** There is room enough to read the child again. */
  get hasRoom(): boolean {
    return this.#held.hasRoom && !this.#all.isOver
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#sent.length === 0
  }

  get hasUnacknowledged(): boolean {
    return this.#sent.length > 0
  }

  /** Chunks that are on their way: sent, and neither acknowledged nor to be sent again. */
  get inFlight(): number {
    return this.#cursor
  }

  /** Highest number given out. */
  get produced(): number {
    return this.#lastNumber
  }

  /** Nobody will ask for its chunks any more; what still comes is dropped. */
  discard(): void {
    this.#isDiscarded = true
    this.#waiting = []
    this.#sent = []
    this.#cursor = 0
    this.#account(-this.bytes)
  }

  #account(bytes: number): void {
    this.#held.add(bytes)
    this.#all.add(bytes)
  }

  add(turn: number, chunk: Chunk): void {
    if (this.#isDiscarded) return
    for (const piece of pieces(chunk)) this.#add(turn, piece)
    this.#onNew()
  }

  /** Called after each chunk that is added from now on; there is one who is told. */
  watch(onNew: () => void): void {
    this.#onNew = onNew
  }

  #add(turn: number, chunk: Chunk): void {
    const last = this.#waiting[this.#waiting.length - 1]
    const merged = last && last.turn === turn ? merge(last.chunk, chunk) : undefined
    const bytes = sizeOf(chunk) + (merged ? 0 : WRAPPING_BYTES)
    this.#account(bytes)
    if (last && merged) {
      last.chunk = merged
      last.bytes += bytes
    } else this.#waiting.push({ turn, chunk, bytes })
  }

  /** The next chunk to send; undefined when all are on their way. */
  take(): Numbered | undefined {
    const again = this.#sent[this.#cursor]
    if (again) {
      this.#cursor += 1
      return again
    }
    const first = this.#waiting.shift()
    if (!first) return undefined
    this.#lastNumber += 1
    const numbered = { sequence: this.#lastNumber, turn: first.turn, ...encoded(first.chunk) }
    this.#account(costOf(numbered) - first.bytes)
    this.#sent.push(numbered)
    this.#cursor = this.#sent.length
    return numbered
  }

  /** Everything up to this number is on the broker's disk. Returns whether that was news. */
  acknowledge(sequence: number): boolean {
    const count = this.#indexAfter(sequence)
    if (count === 0) return false
    for (const chunk of this.#sent.splice(0, count)) this.#account(-costOf(chunk))
    this.#cursor = Math.max(0, this.#cursor - count)
    return true
  }

  /** Sends again what comes after this number. What comes before it is kept: it may not be on disk yet. */
  rewind(sequence: number): void {
    this.#cursor = this.#indexAfter(sequence)
  }

  #indexAfter(sequence: number): number {
    const first = this.#sent[0]?.sequence ?? 0
    return Math.min(this.#sent.length, Math.max(0, sequence - first + 1))
  }
}

/** A chunk of few bytes still takes a buffer and an object. */
function costOf({ body }: Numbered): number {
  return body.length + OVERHEAD_BYTES
}

/** One chunk that no message can carry would be sent again for ever, and nothing after it would arrive. */
function encoded({ type, ...fields }: Chunk): Pick<Numbered, 'type' | 'body'> {
  const body = encode(fields)
  if (body.length <= MAX_BODY_BYTES) return { type: CHUNK_CODES[type], body }
  const content = `a ${type} of ${body.length} bytes was left out`
  return { type: CHUNK_CODES.stderr, body: encode({ content }) }
}

function sizeOf(chunk: Chunk): number {
  if ('content' in chunk) return Buffer.byteLength(chunk.content) + OVERHEAD_BYTES
  if (chunk.type === 'tool_result') return Buffer.byteLength(chunk.result) + OVERHEAD_BYTES
  if (hasInput(chunk)) return encode(chunk.input).length + OVERHEAD_BYTES
  if (chunk.type === 'error') return Buffer.byteLength(chunk.message) + OVERHEAD_BYTES
  return 2 * OVERHEAD_BYTES
}

/** Two deltas as one: same text, fewer chunks. */
function merge(last: Chunk, next: Chunk): Chunk | undefined {
  const isDelta = last.type === 'text' || last.type === 'thinking'
  if (!isDelta || last.type !== next.type) return undefined
  const content = last.content + next.content
  return content.length > MAX_CHUNK_BYTES / 4 ? undefined : { type: last.type, content }
}

/** Longest text of one chunk, characters: at most four bytes each, so always under MAX_CHUNK_BYTES. */
const MAX_PIECE = MAX_CHUNK_BYTES / 4
/** Largest tool input that is passed on whole, bytes. */
const MAX_INPUT_BYTES = 2 * 1024 * 1024
/** Largest body that is sent at all, bytes; ids and names of absurd length come to more. */
const MAX_BODY_BYTES = 3 * 1024 * 1024

/** Splits what is too long for one chunk. Nothing is lost: pieces are concatenated by the reader. */
function* pieces(chunk: Chunk): Generator<Chunk> {
  if ('content' in chunk && chunk.content.length > MAX_PIECE) {
    for (const content of slices(chunk.content)) yield { ...chunk, content }
  } else if (chunk.type === 'tool_result' && chunk.result.length > MAX_PIECE) {
    for (const result of slices(chunk.result)) yield { ...chunk, result }
  } else if (chunk.type === 'error' && chunk.message.length > MAX_PIECE) {
    for (const message of slices(chunk.message)) yield { ...chunk, message }
  } else if (hasInput(chunk)) {
    yield* inputPieces(chunk)
  } else yield chunk
}

function* slices(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + MAX_PIECE)
    const code = text.charCodeAt(end - 1)
    if (end < text.length && code >= 0xd800 && code <= 0xdbff) end -= 1 // not inside a surrogate pair
    yield text.slice(at, end)
    at = end
  }
}

type WithInput = Chunk & { type: 'tool_use_input' | 'approval_request' }

function hasInput(chunk: Chunk): chunk is WithInput {
  return chunk.type === 'tool_use_input' || chunk.type === 'approval_request'
}

/** An input is one value and cannot be split; one that no message can carry is said to be left out. */
function* inputPieces(chunk: WithInput): Generator<Chunk> {
  const body = encode(chunk.input)
  const { maxDepth, maxValues } = WIRE_LIMITS
  const fits = body.length <= MAX_INPUT_BYTES
  // Readers refuse what is nested too deeply or has too many values; the body around it has a few.
  if (fits && scanMsgpack(body, maxDepth - 1, maxValues - 8) === undefined) {
    yield chunk
    return
  }
  yield { ...chunk, input: { left_out_bytes: body.length } }
  const content = `the input of tool call ${chunk.tool_id} has ${body.length} bytes and was left out`
  yield { type: 'stderr', content }
}
