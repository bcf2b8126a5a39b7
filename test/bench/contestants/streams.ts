/** For each contestant of the measures of streams: everything started, a producer and a reader of one. */
import { connectNats, jetStreamManager } from '../callers/nats-client.ts'
import { type Bench, NotRun } from '../measures/measure.ts'
import { CHUNKS } from '../producers/nats.ts'
import type { ProducerOptions } from '../producers/producer.ts'
import type { ReaderOptions } from '../readers/reader.ts'
import type { Program } from '../stage/program.ts'
import type { Transport } from '../transports.ts'
import { CHILDLESS, startBroker, startChildlessHost, startSession } from './agentmq.ts'
import { type JetStreamSync, knowsSyncAlways, startNats, startRedis } from './servers.ts'

export interface Streaming {
  readonly producer: Program
  readonly reader: Program
  /** The process in the middle, for its memory. */
  readonly middle: { readonly pid: number }
}

export type OpenStreaming = (bench: Bench) => Promise<Streaming>

export const producerOf = ({ stage }: Bench, options: ProducerOptions): Promise<Program> =>
  stage.program('producer', options)
export const readerOf = ({ stage }: Bench, options: ReaderOptions): Promise<Program> =>
  stage.program('reader', options)

/** Our broker, a host without children, and a reader of its one session. */
export function agentmqStreaming(transport: Transport): OpenStreaming {
  return async (bench) => {
    const ours = await startBroker(bench, transport)
    const producer = await startChildlessHost(bench, ours)
    const session = await startSession(bench, ours, CHILDLESS)
    const connect = ours.meeting.client
    const reader = await readerOf(bench, { kind: 'agentmq', connect, sessions: [session] })
    return { producer, reader, middle: ours.broker }
  }
}

export function jetStreaming(sync: JetStreamSync): OpenStreaming {
  return async (bench) => {
    const { peers, stage } = bench
    const { cache } = peers
    if (sync === 'always' && !knowsSyncAlways(peers, stage.dir)) {
      throw new NotRun(`nats-server ${peers.servers.nats.version} has no sync_interval`)
    }
    const { running, url } = await startNats(bench, sync)
    const connection = await connectNats(cache, url)
    const manager = await jetStreamManager(cache, connection)
    const { stream: name, subjects } = CHUNKS
    await manager.streams.add({ name, subjects: [subjects], storage: 'file' })
    await connection.close()
    const producer = await producerOf(bench, { kind: 'jetstream', cache, url })
    const reader = await readerOf(bench, { kind: 'jetstream', cache, url })
    return { producer, reader, middle: running }
  }
}

export const redisStreaming: OpenStreaming = async (bench) => {
  const { cache } = bench.peers
  const { running, path } = await startRedis(bench)
  const producer = await producerOf(bench, { kind: 'redis', cache, path })
  const reader = await readerOf(bench, { kind: 'redis', cache, path })
  return { producer, reader, middle: running }
}

/** One message for each chunk over a process in the middle that only passes it on: no disk, no checks. */
export function rawTwoHops(transport: Transport): OpenStreaming {
  return async (bench) => {
    const { dir } = bench.stage
    const [from, to] = [await transport.raw(dir, 'from'), await transport.raw(dir, 'to')]
    const middle = await bench.stage.program('raw-forward', { from, to })
    const attach = 'connect'
    const producer = await producerOf(bench, { kind: 'zeromq', place: from, attach })
    const reader = await readerOf(bench, { kind: 'zeromq', place: to, attach })
    return { producer, reader, middle }
  }
}

/** From one process to the other. */
export function rawOneHopStream(transport: Transport): OpenStreaming {
  return async (bench) => {
    const place = await transport.raw(bench.stage.dir, 'stream')
    const producer = await producerOf(bench, { kind: 'zeromq', place, attach: 'bind' })
    const reader = await readerOf(bench, { kind: 'zeromq', place, attach: 'connect' })
    return { producer, reader, middle: producer }
  }
}
