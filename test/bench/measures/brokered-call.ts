/** Client, broker, worker, broker, client: 256 in flight, 200 bytes, all checks and the audit log on. */
import { natsRequest, plainBroker, rawOneHop, throughHost } from '../contestants/callers.ts'
import { throughput } from './calls.ts'
import { type Goal, OURS } from './measure.ts'
import type { MeasureOnTransports } from './on-transport.ts'

const GOALS: readonly Goal[] = [
  { peer: 'nats', atLeast: 4 },
  { peer: 'plain-broker', atLeast: 6 },
]

const COMMON: Pick<MeasureOnTransports, 'unit' | 'better' | 'floor' | 'peers'> = {
  unit: 'calls/s',
  better: 'more',
  floor: 'raw-1-hop',
  peers: (transport) => [
    throughput('plain-broker', plainBroker),
    throughput('nats', natsRequest),
    throughput('raw-1-hop', rawOneHop(transport)),
  ],
}

export const BROKERED_CALL: readonly MeasureOnTransports[] = [
  {
    ...COMMON,
    name: 'brokered-call',
    title: 'brokered request and reply, 256 in flight, 200 B',
    about:
      '`session.probe`: client, broker, a worker that speaks the protocol of a host and has no child, broker, client, with 200 B in both directions. Scope, reach, parameters, deadline, limits and lease are checked; it changes nothing, so nothing is journalled. Comparable with NATS request/reply and the plain broker, which deliver at most once as well.',
    goals: GOALS,
    ours: (transport) => throughput(OURS, throughHost(transport, false)),
  },
  {
    ...COMMON,
    name: 'brokered-call-journalled',
    title: 'a call that changes something, 256 in flight, 200 B',
    about:
      '`session.write` over the same way: key, outcome and the record of the audit log are on disk before the caller hears of it, so that a repeat never runs twice. Neither NATS nor the plain broker does that: the ratios say what the promise costs, and there is no goal.',
    goals: [],
    ours: (transport) => throughput(OURS, throughHost(transport, true)),
  },
]
