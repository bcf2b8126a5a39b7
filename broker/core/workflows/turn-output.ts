/** Reads the text of one turn, and how it ended, out of the journal: a stretch at a time. */
import { CHUNK_CODES, type TurnReason } from '../../../protocol/messages/chunk.ts'
import { MAX_OUTPUT_BYTES } from '../../../protocol/methods/workflow.ts'
import type { Journal, StoredChunk } from '../../journal/journal.ts'
import { readChunk } from '../read-chunk.ts'

/** Chunks and bytes of one stretch. */
const MAX_CHUNKS = 2000
const MAX_BYTES = 2 * 1024 * 1024

export interface TurnOutcome {
  readonly reason: TurnReason
  readonly text: string
  /** `text` lacks its beginning. */
  readonly cut: boolean
  /** The last failure that the agent told of; empty when it told of none. */
  readonly failure: string
}

interface TurnPlace {
  readonly session: string
  readonly turn: number
  /** Of its prompt. */
  readonly sequence: number
}

export class TurnOutput {
  readonly #place: TurnPlace
  /** Sequence to go on reading from. */
  #next: number
  #text = ''
  #cut = false
  #failure = ''

  constructor(place: TurnPlace) {
    this.#place = place
    this.#next = place.sequence + 1
  }

  /** The outcome; `more`: there is more to read; `behind`: its end is not in the journal yet. */
  read(journal: Pick<Journal, 'read'>, durable: number): TurnOutcome | 'more' | 'behind' {
    if (this.#next > durable) return 'behind'
    const range = { from: this.#next, to: durable, maxCount: MAX_CHUNKS, maxBytes: MAX_BYTES }
    const { chunks, gaps, next } = journal.read(this.#place.session, range)
    if (gaps.length > 0) this.#cut = true
    this.#next = next
    for (const chunk of chunks) {
      const outcome = this.#take(chunk)
      if (outcome) return outcome
    }
    return next > durable ? 'behind' : 'more'
  }

  #take({ turn, type, body }: StoredChunk): TurnOutcome | undefined {
    if (turn !== this.#place.turn) return undefined
    if (type === CHUNK_CODES.text) {
      this.#add(readChunk('text', body)?.content ?? '')
    } else if (type === CHUNK_CODES.error) {
      this.#failure = readChunk('error', body)?.message ?? ''
    } else if (type === CHUNK_CODES.turn_complete) {
      const reason = readChunk('turn_complete', body)?.reason ?? 'error'
      return { reason, text: this.#end(), cut: this.#cut, failure: this.#failure }
    }
    return undefined
  }

  /** Keeps twice of what is wanted, so that not each piece is a copy. */
  #add(content: string): void {
    this.#text += content
    if (this.#text.length > 2 * MAX_OUTPUT_BYTES) this.#text = this.#end()
  }

  /** The end of the text, as far as it is kept, in whole characters. */
  #end(): string {
    const bytes = Buffer.from(this.#text)
    if (bytes.length <= MAX_OUTPUT_BYTES) return this.#text
    this.#cut = true
    let from = bytes.length - MAX_OUTPUT_BYTES
    while (((bytes[from] ?? 0) & 0xc0) === 0x80) from += 1
    return bytes.toString('utf8', from)
  }
}
