/** Client, broker, worker, broker, client: 256 in flight, 200 bytes, all checks and the audit log on. */
import { natsRequest, plainBroker, rawOneHop, throughHost } from '../contestants/callers.ts'
import { throughput } from './calls.ts'
import { type Goal, OURS } from './measure.ts'
import type { MeasureOnTransports } from './on-transport.ts'

const GOALS: readonly Goal[] = [
  { peer: 'nats', atLeast: 4 },
  { peer: 'plain-broker', atLeast: 6 },
]

const COMMON: Pick<MeasureOnTransports, 'unit' | 'better' | 'floor' | 'goals' | 'peers'> = {
  unit: 'calls/s',
  better: 'more',
  floor: 'raw-1-hop',
  goals: GOALS,
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
      '`session.write` without an idempotency key: client, broker, a worker that speaks the protocol of a host and has no child, broker, client. Scope, parameters, deadline, limits and lease are checked; that the call was made is on disk before it goes on, for the audit log. NATS request/reply and the plain broker deliver at most once as well, but write nothing.',
    ours: (transport) => throughput(OURS, throughHost(transport, false)),
  },
  {
    ...COMMON,
    name: 'brokered-call-journalled',
    title: 'the same with the outcome of each call journalled',
    about:
      'The same call as the SDK makes it by itself, with a key: its outcome is on disk as well before anybody hears of it, so that a repeat never runs twice. Neither NATS nor the plain broker does that: the ratios say what the promise costs.',
    ours: (transport) => throughput(OURS, throughHost(transport, true)),
  },
]
