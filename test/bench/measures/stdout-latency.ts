/** From the child's stdout to the callback of a client, on an idle system. */
import { asClient, startBroker, startHost, startSession } from '../contestants/agentmq.ts'
import { rawTwoHops, readerOf } from '../contestants/streams.ts'
import { latencyOf } from '../figures/percentiles.ts'
import type { Ticks } from '../load/ticks.ts'
import { askFor, TICKER_COMMAND } from '../programs/ticker-lines.ts'
import type { Program } from '../stage/program.ts'
import type { Transport } from '../transports.ts'
import { type Bench, type Contestant, OURS, type Sample } from './measure.ts'
import type { MeasureOnTransports } from './on-transport.ts'

/** Lines before those that count. */
const WARM_UP = 50

const ticksOf = ({ isQuick }: Bench): Ticks => ({
  count: WARM_UP + (isQuick ? 100 : 400),
  meanMs: 20,
})

/** Reads so many lines, of which the first ones do not count; the value is the median, ms. */
async function listen(
  bench: Bench,
  reader: Program,
  start: () => Promise<unknown>,
): Promise<Sample> {
  const { count } = ticksOf(bench)
  await reader.ask('begin')
  const started = start()
  await reader.ask('until', { total: WARM_UP })
  await reader.ask('watch')
  await reader.ask('until', { total: count })
  await started
  const latencyMs = latencyOf(await reader.ask<number[]>('latencies'))
  return { value: latencyMs.p50, latencyMs }
}

const ours = (transport: Transport): Contestant => ({
  name: OURS,
  run: async (bench) => {
    const all = await startBroker(bench, transport)
    await startHost(bench, all, { ticker: TICKER_COMMAND })
    const id = await startSession(bench, all, 'ticker')
    const connect = all.meeting.client
    const reader = await readerOf(bench, { kind: 'agentmq', connect, sessions: [id] })
    const prompt = () =>
      asClient(all, (client) => client.session(id).prompt(askFor(ticksOf(bench))))
    return listen(bench, reader, prompt)
  },
})

const twoHops = (transport: Transport): Contestant => ({
  name: 'raw-2-hops',
  run: async (bench) => {
    const { producer, reader } = await rawTwoHops(transport)(bench)
    return listen(bench, reader, () => producer.ask('ticks', ticksOf(bench)))
  },
})

const pipe: Contestant = {
  name: 'pipe',
  run: async (bench) => {
    const reader = await readerOf(bench, { kind: 'pipe', ticks: ticksOf(bench) })
    return listen(bench, reader, () => Promise.resolve())
  },
}

export const STDOUT_LATENCY: MeasureOnTransports = {
  name: 'stdout-latency',
  title: 'child’s stdout to client callback, idle, p50',
  unit: 'ms',
  better: 'less',
  floor: 'raw-2-hops',
  about:
    'A real child of the real host writes 50 lines a second at random times, each with its time; a client that follows the session says when it has them. Between the two lie the pipe, the host, the broker, an fsync, and the client. `raw-2-hops` has neither pipe nor disk; `pipe` is a program that reads the child’s stdout itself.',
  goals: [{ atMost: 1.5 }, { peer: 'raw-2-hops', atMost: 3 }],
  ours,
  peers: (transport) => [twoHops(transport), pipe],
}
