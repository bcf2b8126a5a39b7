/** From the call of a client to the child that it interrupts, while the child writes 1,000 lines a second. */
import { startBroker, startHost, startSession } from '../contestants/agentmq.ts'
import type { Latency } from '../figures/percentiles.ts'
import type { InterrupterOptions } from '../programs/interrupter.ts'
import { TICKER_COMMAND } from '../programs/ticker-lines.ts'
import type { Transport } from '../transports.ts'
import { type Bench, type Contestant, OURS } from './measure.ts'
import type { MeasureOnTransports } from './on-transport.ts'

async function rounds(bench: Bench, options: InterrupterOptions) {
  const interrupter = await bench.stage.program('interrupter', options)
  await interrupter.ask('rounds', { count: 3 })
  const latencyMs = await interrupter.ask<Latency>('rounds', { count: bench.isQuick ? 20 : 100 })
  return { value: latencyMs.p99, latencyMs }
}

const ours = (transport: Transport): Contestant => ({
  name: OURS,
  run: async (bench) => {
    const all = await startBroker(bench, transport)
    await startHost(bench, all, { ticker: TICKER_COMMAND })
    const session = await startSession(bench, all, 'ticker')
    return rounds(bench, { kind: 'agentmq', connect: all.meeting.client, session })
  },
})

const pipe: Contestant = { name: 'pipe', run: (bench) => rounds(bench, { kind: 'pipe' }) }

export const INTERRUPT: MeasureOnTransports = {
  name: 'interrupt',
  title: 'interrupt to the child while 1,000 chunks/s flow, p99',
  unit: 'ms',
  better: 'less',
  floor: 'pipe',
  about:
    'The child that is interrupted writes 1,000 lines a second, which the same client follows. The call is journalled before the host is asked; the child notes when SIGINT comes. `pipe` is the parent of the child that signals it itself.',
  goals: [{ atMost: 50 }],
  ours,
  peers: () => [pipe],
}
