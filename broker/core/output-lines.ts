/**
 * Makes lines of the chunks of a stream, from any place in it: the answer comes in pieces that end
 * anywhere, diagnostics and tool results come whole. Pure.
 */
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import type { OutputStream } from '../../protocol/methods/output.ts'
import type { StoredChunk } from '../journal/journal.ts'
import { readChunk } from './read-chunk.ts'

/** Longest line that is given in one, UTF-16 units: about 20 ms of matching for the worst of patterns. */
export const MAX_LINE_LENGTH = 16_384

/** A place in a stream: so many characters into the text of a chunk. */
export interface Place {
  readonly sequence: number
  readonly offset: number
}

export interface Line {
  readonly begin: Place
  /** Where the next line begins. */
  readonly end: Place
  readonly time: number
  readonly turn: number
  readonly stream: OutputStream
  readonly text: string
  readonly isCut: boolean
}

interface Piece {
  readonly stream: OutputStream
  readonly text: string
}

/** Chunks between which an answer goes on. */
const ASIDE: ReadonlySet<number> = new Set([CHUNK_CODES.stderr, CHUNK_CODES.status])

function pieceOf({ type, body }: StoredChunk): Piece | undefined {
  switch (type) {
    case CHUNK_CODES.text:
      return { stream: 'stdout', text: readChunk('text', body)?.content ?? '' }
    case CHUNK_CODES.stderr:
      return { stream: 'stderr', text: readChunk('stderr', body)?.content ?? '' }
    case CHUNK_CODES.tool_result:
      return { stream: 'tool', text: readChunk('tool_result', body)?.result ?? '' }
    default:
      return undefined
  }
}

interface Open extends Pick<Line, 'begin' | 'time' | 'turn'> {
  text: string
  end: Place
}

/**
 * The lines that end in these chunks. `flush` gives what is open at the end of the stream; before it,
 * `open` says where the line that has not ended begins.
 */
export class LineMaker {
  readonly #start: Place
  #open: Open | undefined

  /** Chunks come from `start` on. */
  constructor(start: Place) {
    this.#start = start
  }

  get open(): Place | undefined {
    return this.#open?.begin
  }

  *take(chunk: StoredChunk): Generator<Line> {
    const piece = pieceOf(chunk)
    if (piece?.stream === 'stdout') {
      yield* this.#split(chunk, piece)
      return
    }
    if (!ASIDE.has(chunk.type)) yield* this.flush()
    if (piece) yield* whole(chunk, piece, this.#from(chunk))
  }

  /** What has begun ends here. */
  *flush(): Generator<Line> {
    const open = this.#open
    this.#open = undefined
    if (open && open.text !== '') yield lineOf(open, false)
  }

  #from({ sequence }: StoredChunk): number {
    return sequence === this.#start.sequence ? this.#start.offset : 0
  }

  *#split(chunk: StoredChunk, { text }: Piece): Generator<Line> {
    const { sequence, time, turn } = chunk
    let at = this.#from(chunk)
    while (at < text.length) {
      const begin = { sequence, offset: at }
      const open: Open = this.#open ?? { begin, time, turn, text: '', end: begin }
      const room = MAX_LINE_LENGTH - open.text.length
      const newline = text.indexOf('\n', at)
      const stop = newline === -1 ? text.length : newline
      const isCut = stop - at > room
      const until = isCut ? cutAt(text, at + room) : stop
      open.text += text.slice(at, until)
      at = isCut || newline === -1 ? until : newline + 1
      open.end = { sequence, offset: at }
      const isWhole = isCut || newline !== -1
      this.#open = isWhole ? undefined : open
      if (isWhole) yield lineOf(open, isCut)
    }
  }
}

function* whole(chunk: StoredChunk, { stream, text }: Piece, from: number): Generator<Line> {
  const { sequence, time, turn } = chunk
  for (let at = from; at < text.length; ) {
    const newline = text.indexOf('\n', at)
    const stop = newline === -1 ? text.length : newline
    const isCut = stop - at > MAX_LINE_LENGTH
    const until = isCut ? cutAt(text, at + MAX_LINE_LENGTH) : stop
    const next = isCut || newline === -1 ? until : newline + 1
    const begin = { sequence, offset: at }
    const end = { sequence, offset: next }
    yield { begin, end, time, turn, stream, text: text.slice(at, until), isCut }
    at = next
  }
}

/** Not between the two halves of a character. */
function cutAt(text: string, at: number): number {
  const isHalf = (text.codePointAt(at - 1) ?? 0) > 0xffff
  return isHalf ? at - 1 : at
}

function lineOf({ begin, end, time, turn, text }: Open, isCut: boolean): Line {
  return { begin, end, time, turn, stream: 'stdout', text, isCut }
}
