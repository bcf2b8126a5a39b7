/** 500 sessions that all write, and 10 clients that follow 50 of them each. */
import { startBroker, startChildlessHost, startSessions } from '../contestants/agentmq.ts'
import { startNats } from '../contestants/servers.ts'
import { producerOf, readerOf } from '../contestants/streams.ts'
import type { Trickle } from '../programs/producer.ts'
import { askProbe, probed } from '../stage/probe.ts'
import type { Transport } from '../transports.ts'
import { type Bench, type Contestant, OURS, type Sample } from './measure.ts'
import type { MeasureOnTransports } from './on-transport.ts'
import { play } from './played.ts'

const SESSIONS = 500
const READERS = 10
const CHUNKS_A_SECOND = 30

const loadOf = ({ isQuick }: Bench): Trickle => ({
  perSecond: SESSIONS * CHUNKS_A_SECOND,
  count: SESSIONS * CHUNKS_A_SECOND * (isQuick ? 4 : 10),
  seed: 1,
  streams: SESSIONS,
})

/** Part of the sessions of each reader. */
function shares<T>(all: readonly T[]): T[][] {
  const size = all.length / READERS
  return Array.from({ length: READERS }, (_, reader) =>
    all.slice(reader * size, (reader + 1) * size),
  )
}

/** The value is the p99 of the delay of the broker's event loop, ms. */
const ours = (transport: Transport): Contestant => ({
  name: OURS,
  run: async (bench): Promise<Sample> => {
    const { stage } = bench
    const all = await startBroker(bench, transport, probed(stage))
    const connect = all.meeting.client
    const producer = await startChildlessHost(bench, all, { sessions: SESSIONS })
    await startSessions(all, SESSIONS)
    const sessions = await producer.ask<string[]>('sessions')
    const readers = await Promise.all(
      shares(sessions).map((own) => readerOf(bench, { kind: 'agentmq', connect, sessions: own })),
    )
    const { pid } = all.broker
    const load = loadOf(bench)
    const onWarm = () => askProbe(stage, pid)
    const { missing, latencyMs } = await play({ producer, readers, load, onWarm })
    const { lagP50, lagP99, lagMax } = await askProbe(stage, pid)
    const gaps = await Promise.all(readers.map((reader) => reader.ask<number>('gaps')))
    return {
      value: lagP99,
      latencyMs,
      peakMb: stage.peakMb(all.broker),
      more: {
        'gaps left': gaps.reduce((sum, count) => sum + count, 0) + missing,
        'loop lag p50': lagP50,
        'loop lag worst': lagMax,
      },
    }
  },
})

/** Without a journal, without sequences: a message that is dropped is gone. */
const nats: Contestant = {
  name: 'nats',
  run: async (bench): Promise<Sample> => {
    const { cache } = bench.peers
    const { url, running } = await startNats(bench)
    const producer = await producerOf(bench, { kind: 'nats', cache, url })
    const all = Array.from({ length: SESSIONS }, (_, stream) => stream)
    const readers = await Promise.all(
      shares(all).map((streams) => readerOf(bench, { kind: 'nats', cache, url, streams })),
    )
    const { missing, latencyMs } = await play({ producer, readers, load: loadOf(bench) })
    const peakMb = bench.stage.peakMb(running)
    return { value: latencyMs.p99, latencyMs, peakMb, more: { 'gaps left': missing } }
  },
}

export const FAN_OUT: readonly MeasureOnTransports[] = [
  {
    name: 'fan-out',
    title: '500 sessions x 30 chunks/s, 10 readers of 50 each: loop lag of the broker, p99',
    unit: 'ms',
    better: 'less',
    about:
      'The chunks come from a host without children: 500 processes that write would be measured instead. A timer in the broker that should fire every 5 ms tells the lag. Latency, from due to read, stands in the second table; gaps are chunks that a reader never got. There is no peer for the lag of a loop.',
    goals: [{ atMost: 20 }, { figure: 'gaps left', atMost: 0 }],
    ours,
    peers: () => [],
  },
  {
    name: 'fan-out-latency',
    title: 'the same: from due to read, p99',
    unit: 'ms',
    better: 'less',
    about:
      'Comparable with core NATS only in part: that has no journal, and what it drops is gone.',
    goals: [],
    ours: (transport) => latencyFirst(ours(transport)),
    peers: () => [nats],
  },
]

/** The same run with another figure in front. */
function latencyFirst({ name, run }: Contestant): Contestant {
  return {
    name,
    run: async (bench) => {
      const sample = await run(bench)
      return { ...sample, value: sample.latencyMs?.p99 ?? Number.NaN }
    },
  }
}
