/** Follows the chunks of a journal in the order of their keys: one account for each session. */
import { type ChunkPlace, parseChunkKey } from '../journal/keys.ts'
import type { Entry } from '../journal/lmdb-store.ts'
import { decodeChunk, decodeSmall } from '../journal/record.ts'
import { type Bounds, readBounds, WHOLE } from '../journal/streams.ts'
import type { JournalFile } from './journal-file.ts'
import type { StreamLine } from './survey-lines.ts'
import type { RecordCheck, Tell } from './survey-table.ts'

type Stream = { -readonly [Key in keyof StreamLine]: StreamLine[Key] }

/** What is live of the sessions that were dropped or trimmed; the others are whole. */
export function boundsOf(file: JournalFile): Map<string, Bounds> {
  const found = new Map<string, Bounds>()
  for (const { key, value } of file.entries('streams')) {
    const session = key.toString('latin1')
    const bounds = readBounds(decodeSmall('streams', session, value)?.value)
    if (bounds) found.set(session, bounds)
  }
  return found
}

export class ChunkSurvey implements RecordCheck {
  readonly #tell: Tell
  readonly #bounds: ReadonlyMap<string, Bounds>
  #stream: Stream | undefined
  #removed = 0

  constructor(file: JournalFile, tell: Tell) {
    this.#tell = tell
    this.#bounds = boundsOf(file)
  }

  check({ key, value }: Entry): { readonly key: string; readonly what: string } | undefined {
    const place = parseChunkKey(key)
    if (!place) return { key: key.toString('hex'), what: 'is no key of a chunk' }
    const { session, generation, sequence } = place
    const live = this.#bounds.get(session) ?? WHOLE
    const isGone = generation === live.generation && sequence < live.floor
    if (generation < live.generation || isGone) {
      this.#removed += 1
      return undefined
    }
    const name = `${session} ${sequence}`
    if (generation > live.generation) {
      return { key: name, what: `is of generation ${generation}, after ${live.generation}` }
    }
    const hole = this.#follow(place)
    const isIntact = this.#count(place, value)
    const wrong = [hole, isIntact ? '' : 'fails its checksum'].filter((what) => what !== '')
    return wrong.length > 0 ? { key: name, what: wrong.join(' and ') } : undefined
  }

  /** Says what is missing before this chunk. Below the first one, retention took it. */
  #follow({ session, sequence }: ChunkPlace): string {
    const stream = this.#stream
    if (stream?.session !== session) {
      this.end()
      const none = { chunks: 0, damaged: 0, bytes: 0, firstTime: 0, lastTime: 0 }
      this.#stream = { session, first: sequence, last: sequence, ...none }
      return ''
    }
    const expected = stream.last + 1
    stream.last = sequence
    return sequence === expected ? '' : `comes where ${expected} was due`
  }

  #count({ session, sequence }: ChunkPlace, value: Buffer): boolean {
    const stream = this.#stream
    if (!stream) return true
    const chunk = decodeChunk(session, sequence, value)
    stream.chunks += 1
    stream.bytes += value.length
    if (!chunk) {
      stream.damaged += 1
      return false
    }
    stream.firstTime ||= chunk.time
    stream.lastTime = chunk.time
    return true
  }

  end(): void {
    if (this.#stream) this.#tell({ kind: 'stream', ...this.#stream })
    this.#stream = undefined
    if (this.#removed > 0) this.#tell({ kind: 'removed', chunks: this.#removed })
    this.#removed = 0
  }
}
