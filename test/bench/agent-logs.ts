/**
 * What a caller who polls agent.logs of a long session costs: the first answer reads the whole stream, those
 * after it what is asked for. `node dist/test/bench/agent-logs.js [chunks] [rounds]`; nothing passes or fails by it.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { Broker } from '../../broker/broker.ts'
import { brokerConfig } from '../../broker/config.ts'
import { connect } from '../../clients/sdk/index.ts'
import { LogReader } from '../../clients/shim/legacy/logs.ts'
import { fillJournal } from './long-stream.ts'

const [count = 100_000, rounds = 5] = process.argv.slice(2).map(Number)

const dir = mkdtempSync(join(tmpdir(), 'amq-'))
try {
  const config = brokerConfig({ flags: { dir }, env: {} })
  const session = randomUUID()
  await fillJournal(config.journalDir, { sessions: [session], chunks: count })
  const broker = new Broker(config, pino({ level: 'silent' }))
  await broker.start()
  const client = await connect({ dir })
  const reader = new LogReader(client)
  for (let round = 1; round <= rounds; round += 1) {
    const since = performance.now()
    const { total } = await reader.read(session, { limit: 100, offset: count - 100 })
    const ms = performance.now() - since
    process.stdout.write(`round ${round}: ${total} entries counted in ${ms.toFixed(1)} ms\n`)
  }
  await client.close()
  await broker.stop()
} finally {
  rmSync(dir, { recursive: true, force: true })
}
