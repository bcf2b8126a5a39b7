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
import { connect } from '../../clients/sdk/index.ts'
import { fillJournal } from './long-stream.ts'

const [count = 100_000, rounds = 5] = process.argv.slice(2).map(Number)
const dir = mkdtempSync(join(tmpdir(), 'amq-'))
try {
  const config = brokerConfig({ flags: { dir }, env: {} })
  const session = randomUUID()
  await fillJournal(config.journalDir, session, count)
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
