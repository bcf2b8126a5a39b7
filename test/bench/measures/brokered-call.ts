/** Client, broker, worker, broker, client: 256 in flight, 200 bytes, all checks on. */
import { natsRequest, plainBroker, rawOneHop, throughHost } from '../contestants/callers.ts'
import type { Transport } from '../transports.ts'
import { throughput } from './calls.ts'
import { type Goal, type Measure, missingOn, OURS } from './measure.ts'

const GOALS: readonly Goal[] = [
  { peer: 'nats', atLeast: 4 },
  { peer: 'plain-broker', atLeast: 6 },
]

const PEERS = [
  throughput('plain-broker', plainBroker),
  throughput('nats', natsRequest),
  throughput('raw-1-hop', rawOneHop),
]

const COMMON = { unit: 'calls/s', better: 'more', floor: 'raw-1-hop', goals: GOALS } as const

export function brokeredCall(transport: Transport): Measure[] {
  return [
    {
      ...COMMON,
      name: `brokered-call/${transport.name}`,
      title: `brokered request and reply, 256 in flight, 200 B, ${transport.title}`,
      about:
        '`session.probe`: client, broker, a worker that speaks the protocol of a host and has no child, broker, client, with 200 B in both directions. Scope, reach, parameters, deadline, limits and lease are checked; it changes nothing, so nothing is journalled. Comparable with NATS request/reply and the plain broker, which deliver at most once as well.',
      contestants: [throughput(OURS, throughHost(transport, false)), ...PEERS],
      ...missingOn(transport),
    },
    {
      ...COMMON,
      name: `brokered-call-journalled/${transport.name}`,
      title: `the same with each call journalled, ${transport.title}`,
      about:
        '`session.write`, which changes something: key, outcome and the record of the audit log are on disk before the call goes on, so that a repeat never runs twice. Neither NATS nor the plain broker does that: the ratios say what the promise costs.',
      contestants: [throughput(OURS, throughHost(transport, true)), ...PEERS],
      ...missingOn(transport),
    },
  ]
}
