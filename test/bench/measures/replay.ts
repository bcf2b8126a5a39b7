/** A long stream read back by one reader. */
import { randomUUID } from 'node:crypto'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { startBroker } from '../contestants/agentmq.ts'
import {
  jetStreaming,
  type OpenStreaming,
  rawOneHopStream,
  readerOf,
  redisStreaming,
} from '../contestants/streams.ts'
import { machineNow } from '../load/clock.ts'
import { fillJournal } from '../long-stream.ts'
import type { Program } from '../stage/program.ts'
import type { Transport } from '../transports.ts'
import { type Bench, type Contestant, OURS } from './measure.ts'
import type { MeasureOnTransports } from './on-transport.ts'

const countOf = ({ isQuick }: Bench) => (isQuick ? 30_000 : 100_000)

interface Stored {
  readonly reader: Program
  readonly middle: { readonly pid: number }
}

/** Reads all of it twice; the second time counts, in chunks per second. */
function readBack(name: string, store: (bench: Bench) => Promise<Stored>): Contestant {
  return {
    name,
    run: async (bench) => {
      const { reader, middle } = await store(bench)
      const total = countOf(bench)
      await reader.ask('begin')
      await reader.ask('until', { total })
      const { result: ms, cpuSeconds } = await bench.stage.cpuOf(async () => {
        const since = machineNow()
        await reader.ask('begin')
        return (await reader.ask<number>('until', { total })) - since
      })
      return {
        value: (total / ms) * 1000,
        cpuSeconds: (cpuSeconds / total) * 100_000,
        peakMb: bench.stage.peakMb(middle),
      }
    },
  }
}

/** A journal as a broker would have left it; filled once, and copied for each run. */
function ours(transport: Transport): (bench: Bench) => Promise<Stored> {
  return async (bench) => {
    const session = await bench.shared.once('session', async () => {
      const id = randomUUID()
      await fillJournal(join(bench.shared.stage.dir, 'journal'), {
        sessions: [id],
        chunks: countOf(bench),
      })
      return id
    })
    const { dir } = bench.stage
    await cp(join(bench.shared.stage.dir, 'journal'), join(dir, 'journal'), { recursive: true })
    const { broker, meeting } = await startBroker(bench, transport)
    const connect = meeting.client
    const reader = await readerOf(bench, { kind: 'agentmq', connect, sessions: [session] })
    return { reader, middle: broker }
  }
}

/** The peers are filled through their clients. */
function filled(open: OpenStreaming): (bench: Bench) => Promise<Stored> {
  return async (bench) => {
    const { producer, reader, middle } = await open(bench)
    await producer.ask('flood', { count: countOf(bench) })
    return { reader, middle }
  }
}

const raw = (transport: Transport): Contestant => ({
  name: 'raw-1-hop',
  run: async (bench) => {
    const { producer, reader } = await rawOneHopStream(transport)(bench)
    const total = countOf(bench)
    await reader.ask('begin')
    await producer.ask('flood', { count: total / 2 })
    await reader.ask('until', { total: total / 2 })
    const since = machineNow()
    const flood = producer.ask('flood', { count: total })
    const at = await reader.ask<number>('until', { total: total + total / 2 })
    await flood
    return { value: (total / (at - since)) * 1000 }
  },
})

export const REPLAY: MeasureOnTransports = {
  name: 'replay',
  title: 'replay of 100,000 chunks to one reader',
  unit: 'chunks/s',
  better: 'more',
  floor: 'raw-1-hop',
  about:
    'A client follows a session of 100,000 chunks of 120 B from its first one; an ordered consumer reads the same from JetStream, XREAD from Redis. All are read a first time before, so that nothing comes from the disk. Raw ZeroMQ sends one message for each chunk and stores nothing.',
  goals: [{ peer: 'jetstream', atLeast: 4 }],
  ours: (transport) => readBack(OURS, ours(transport)),
  peers: (transport) => [
    readBack('jetstream', filled(jetStreaming('as shipped'))),
    readBack('redis', filled(redisStreaming)),
    raw(transport),
  ],
}
