/** Large amounts of stored chunks, and how long it takes to open them again after a `kill -9`. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { connectNats, jetStreamManager, jetStreamOf } from '../callers/nats-client.ts'
import { connectRedis } from '../callers/redis-client.ts'
import { fillJournal } from '../long-stream.ts'
import type { Bench } from '../measures/measure.ts'
import { CHUNKS, subjectOf } from '../producers/nats.ts'
import { streamKey } from '../producers/redis.ts'
import { Stage } from '../stage/stage.ts'
import { until } from '../stage/until.ts'
import { startNats, startRedis } from './servers.ts'

export interface Amount {
  readonly chunks: number
  /** Of one chunk. */
  readonly bytes: number
}

export interface ChunkStore {
  /** The folder in which they are, on the stage of the measure. */
  fill(bench: Bench, amount: Amount): Promise<string>
  /** Resolves with the pid when requests are taken. */
  open(bench: Bench, folder: string): Promise<number>
}

const SESSIONS = 1000
const IN_FLIGHT = 4096

export const ourStore: ChunkStore = {
  fill: async (bench, { chunks, bytes }) =>
    filled(bench, async ({ stage }) => {
      const sessions = Array.from({ length: SESSIONS }, () => randomUUID())
      const journal = journalIn(stage.dir)
      await fillJournal(journal, { sessions, chunks: chunks / SESSIONS, bytes, sync: 'os' })
      const broker = await stage.part('broker', { flags: ['--journal-dir', journal] })
      broker.process.kill('SIGKILL')
      await broker.exited
    }),
  open: async ({ stage }, folder) => {
    const flags = ['--journal-dir', journalIn(folder)]
    return (await stage.part('broker', { flags })).pid
  },
}

const journalIn = (folder: string): string => join(folder, 'journal')

export const jetStreamStore: ChunkStore = {
  fill: async (bench, { chunks, bytes }) => {
    const { cache } = bench.peers
    return filled(bench, async (own) => {
      const { url, running } = await startNats(own)
      const connection = await connectNats(cache, url)
      const { stream: name, subjects } = CHUNKS
      const manager = await jetStreamManager(cache, connection)
      await manager.streams.add({ name, subjects: [subjects], storage: 'file' })
      const jetStream = jetStreamOf(cache, connection)
      const body = Buffer.alloc(bytes, 'x')
      await inLanes(chunks, (index) => jetStream.publish(subjectOf(index % SESSIONS), body))
      running.process.kill('SIGKILL')
      await running.exited
      await connection.close()
    })
  },
  open: async (bench, folder) => {
    const { running, url } = await startNats(bench, 'as shipped', join(folder, 'jetstream'))
    await connectNats(bench.peers.cache, url).then((connection) => connection.close())
    return running.pid
  },
}

export const redisStore: ChunkStore = {
  fill: async (bench, { chunks, bytes }) =>
    filled(bench, async (own) => {
      const { path, running } = await startRedis(own)
      const client = await connectRedis(bench.peers.cache, path)
      const text = 'x'.repeat(bytes)
      await inLanes(chunks, (index) => client.xAdd(streamKey(index % SESSIONS), '*', { text }))
      client.destroy()
      running.process.kill('SIGKILL')
      await running.exited
    }),
  open: async (bench, folder) => {
    const { running, path } = await startRedis(bench, folder)
    const client = await connectRedis(bench.peers.cache, path)
    const read = () => client.xRange(streamKey(0), '-', '+', { COUNT: 1 })
    await until(async () => (await read()).length > 0) // an error while it loads
    client.destroy()
    return running.pid
  },
}

/** On a stage of its own, whose folder stays until that of the measure goes. */
async function filled(bench: Bench, work: (own: Bench) => Promise<void>): Promise<string> {
  const own = new Stage({ place: bench.shared.stage.dir, profiles: undefined })
  await work({ ...bench, stage: own })
  return own.dir
}

async function inLanes(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1
      await work(next)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
}
