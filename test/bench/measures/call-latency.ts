/** The latency of brokered calls: one at a time, and under an open load that nobody's reply slows down. */
import { natsRequest, plainBroker, rawOneHop, throughHost } from '../contestants/callers.ts'
import type { Transport } from '../transports.ts'
import { oneAtATime, PER_SECOND, scheduled } from './calls.ts'
import { type Measure, missingOn, OURS } from './measure.ts'

const COMMON = { unit: 'ms', better: 'less', floor: 'raw-1-hop' } as const

export function callLatency(transport: Transport): Measure[] {
  const ours = throughHost(transport, false)
  return [
    {
      ...COMMON,
      name: `one-at-a-time/${transport.name}`,
      title: `brokered request and reply, one at a time, p50, ${transport.title}`,
      about: 'As brokered-call, but each call waits for the one before. The same is comparable.',
      goals: [
        { peer: 'plain-broker', atMost: 1.15 },
        { peer: 'nats', atMost: 1.1 },
      ],
      contestants: [
        oneAtATime(OURS, ours),
        oneAtATime('plain-broker', plainBroker),
        oneAtATime('nats', natsRequest),
        oneAtATime('raw-1-hop', rawOneHop),
      ],
      ...missingOn(transport),
    },
    {
      ...COMMON,
      name: `one-at-a-time-journalled/${transport.name}`,
      title: `the same with each call journalled, p50, ${transport.title}`,
      about:
        'Key and outcome are on disk before the call goes on: two commits with fsync in a row, which the peers do not make.',
      goals: [],
      contestants: [
        oneAtATime(OURS, throughHost(transport, true)),
        oneAtATime('raw-1-hop', rawOneHop),
      ],
      ...missingOn(transport),
    },
    {
      ...COMMON,
      name: `call-schedule/${transport.name}`,
      title: `brokered request and reply at ${PER_SECOND}/s, open load, p50, ${transport.title}`,
      about:
        'Calls come at random times that do not depend on the replies, and latency counts from the time at which a call was due. p99 and p99.9 stand in the second table.',
      goals: [],
      contestants: [
        scheduled(OURS, ours),
        scheduled('plain-broker', plainBroker),
        scheduled('nats', natsRequest),
        scheduled('raw-1-hop', rawOneHop),
      ],
      ...missingOn(transport),
    },
  ]
}
