/**
 * How fast a reader that was away catches up: reads a long stream back through a real broker, and prints
 * chunks a second. `node dist/test/bench/replay.js [chunks] [rounds]`; nothing passes or fails by it.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { Broker } from '../../broker/broker.ts'
import { brokerConfig } from '../../broker/config.ts'
import type { JournalOperation } from '../../broker/journal/journal.ts'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import { connect } from '../../clients/sdk/index.ts'
import { encode } from '../../protocol/codec.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'

const [count = 100_000, rounds = 5] = process.argv.slice(2).map(Number)
const WRITE_AT_ONCE = 2000
/** Body of about 120 bytes, like the deltas of a CLI. */
const BODY = encode({ content: 'x'.repeat(108) })

/** A session that has ended, with so many chunks, as a broker would have left it. */
async function fill(directory: string, session: string): Promise<void> {
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

const dir = mkdtempSync(join(tmpdir(), 'amq-'))
try {
  const config = brokerConfig({ flags: { dir }, env: {} })
  const session = randomUUID()
  await fill(config.journalDir, session)
  const broker = new Broker(config, pino({ level: 'silent' }))
  await broker.start()
  const client = await connect({ dir })
  for (let round = 1; round <= rounds; round += 1) {
    const since = performance.now()
    let last = 0
    for await (const item of client.follow(session)) {
      if (item.type === 'gap') throw new Error(`a gap at ${item.from}`)
      last = item.seq
      if (last === count) break
    }
    const ms = performance.now() - since
    const rate = Math.round((last / ms) * 1000)
    process.stdout.write(
      `round ${round}: ${last} chunks in ${ms.toFixed(0)} ms, ${rate} chunks/s\n`,
    )
  }
  await client.close()
  await broker.stop()
} finally {
  rmSync(dir, { recursive: true, force: true })
}
