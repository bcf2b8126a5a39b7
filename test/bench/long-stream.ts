/** A journal as a broker would have left it after a long session, for the benchmarks. */
import type { JournalOperation } from '../../broker/journal/journal.ts'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import { encode } from '../../protocol/codec.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'

const WRITE_AT_ONCE = 2000
/** Body of about 120 bytes, like the deltas of a CLI. */
const BODY = encode({ content: `${'x'.repeat(107)}\n` })

/** A session that has ended, with so many chunks, as a broker would have left it. */
export async function fillJournal(
  directory: string,
  session: string,
  count: number,
): Promise<void> {
  const journal = openLmdbJournal({ directory })
  const now = Date.now()
  const write = (operations: JournalOperation[]) =>
    new Promise<void>((resolve, reject) => {
      journal.write(operations, (error) => (error ? reject(error) : resolve()))
    })
  for (let from = 1; from <= count; from += WRITE_AT_ONCE) {
    const length = Math.min(WRITE_AT_ONCE, count - from + 1)
    const chunks = Array.from({ length }, (_, index): JournalOperation => {
      const sequence = from + index
      const place = { sequence, producerSequence: sequence, time: now, turn: 1 }
      return { op: 'append', session, chunk: { ...place, type: CHUNK_CODES.text, body: BODY } }
    })
    await write(chunks)
  }
  await write([{ op: 'put', table: 'sessions', key: session, value: ended(session, now) }])
  await journal.close()
}

function ended(session: string, now: number) {
  return {
    ...{ session, name: 'replayed', host: 'h', status: 'ended', reason: '', epoch: 1, turn: 1 },
    ...{ open: [], created_at: now, changed_at: now, cwd: '', owner: 'local', pid: null },
    ...{ exit_code: 0, signal: '', native_session_id: '', start: { backend: 'demo' } },
  }
}
