/** A journal as a broker would have left it after long sessions, for the benchmarks. */
import { chunkBytes } from '../../broker/core/retention.ts'
import type { JournalOperation, StoredChunk } from '../../broker/journal/journal.ts'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import type { SyncPolicy } from '../../broker/journal/sync-policy.ts'
import { encode } from '../../protocol/codec.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import { CHUNK_LENGTH } from './load/text.ts'

const WRITE_AT_ONCE = 2000

export interface LongStreams {
  readonly sessions: readonly string[]
  /** Of each session. */
  readonly chunks: number
  /** Of the text of one chunk; default: as the deltas of a CLI. */
  readonly bytes?: number
  /** Default: `always`. */
  readonly sync?: SyncPolicy
}

/** Sessions that have ended, with so many chunks each, as a broker would have left them. */
export async function fillJournal(directory: string, streams: LongStreams): Promise<void> {
  const { sessions, sync = 'always' } = streams
  const journal = openLmdbJournal({ directory, sync })
  const write = (operations: JournalOperation[]) =>
    new Promise<void>((resolve, reject) => {
      journal.write(operations, (error) => (error ? reject(error) : resolve()))
    })
  for (const session of sessions) {
    let bytes = 0
    for (const chunks of chunksOf(streams)) {
      await write(chunks.map((chunk) => ({ op: 'append', session, chunk })))
      for (const chunk of chunks) bytes += chunkBytes(chunk)
    }
    // With its size, or the next broker would count it by reading all of it.
    const kept = { first: 1, through: streams.chunks, bytes }
    const value = { ...ended(session, Date.now()), kept }
    await write([{ op: 'put', table: 'sessions', key: session, value }])
  }
  await journal.close()
}

function* chunksOf({ chunks, bytes = CHUNK_LENGTH }: LongStreams): Generator<StoredChunk[]> {
  const now = Date.now()
  const body = encode({ content: 'x'.repeat(bytes) })
  for (let from = 1; from <= chunks; from += WRITE_AT_ONCE) {
    const length = Math.min(WRITE_AT_ONCE, chunks - from + 1)
    yield Array.from({ length }, (_, index): StoredChunk => {
      const sequence = from + index
      const place = { sequence, producerSequence: sequence, time: now, turn: 1 }
      return { ...place, type: CHUNK_CODES.text, body }
    })
  }
}

function ended(session: string, now: number) {
  return {
    ...{ session, name: '', host: 'h', status: 'ended', reason: '', epoch: 1, turn: 1 },
    ...{ open: [], created_at: now, changed_at: now, cwd: '', owner: 'local', pid: null },
    ...{ exit_code: 0, signal: '', native_session_id: '', start: { backend: 'demo' } },
  }
}
