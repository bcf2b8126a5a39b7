/** The latency of brokered calls: one at a time, and under an open load that nobody's reply slows down. */
import { natsRequest, plainBroker, rawOneHop, throughHost } from '../contestants/callers.ts'
import { oneAtATime, PER_SECOND, scheduled } from './calls.ts'
import { OURS } from './measure.ts'
import type { MeasureOnTransports } from './on-transport.ts'

const COMMON = { unit: 'ms', better: 'less', floor: 'raw-1-hop' } as const

export const CALL_LATENCY: readonly MeasureOnTransports[] = [
  {
    ...COMMON,
    name: 'one-at-a-time',
    title: 'brokered request and reply, one at a time, p50',
    about: 'As brokered-call, but each call waits for the one before.',
    goals: [
      { peer: 'plain-broker', atMost: 1.15 },
      { peer: 'nats', atMost: 1.1 },
    ],
    ours: (transport) => oneAtATime(OURS, throughHost(transport, false)),
    peers: (transport) => [
      oneAtATime('plain-broker', plainBroker),
      oneAtATime('nats', natsRequest),
      oneAtATime('raw-1-hop', rawOneHop(transport)),
    ],
  },
  {
    ...COMMON,
    name: 'one-at-a-time-journalled',
    title: 'a call that changes something, one at a time, p50',
    about:
      'The call and then its outcome are on disk before anybody hears of it: two commits with fsync in a row, which the peers do not make.',
    goals: [],
    ours: (transport) => oneAtATime(OURS, throughHost(transport, true)),
    peers: (transport) => [oneAtATime('raw-1-hop', rawOneHop(transport))],
  },
  {
    ...COMMON,
    name: 'call-schedule',
    title: `brokered request and reply at ${PER_SECOND}/s, open load, p50`,
    about:
      'Calls come at random times that do not depend on the replies, and latency counts from the time at which a call was due. p99 and p99.9 stand in the second table.',
    goals: [],
    ours: (transport) => scheduled(OURS, throughHost(transport, false)),
    peers: (transport) => [
      scheduled('plain-broker', plainBroker),
      scheduled('nats', natsRequest),
      scheduled('raw-1-hop', rawOneHop(transport)),
    ],
  },
]
