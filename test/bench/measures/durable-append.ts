/** From a host to a live reader by way of the disk: as fast as it is taken, and at a steady rate. */
import {
  agentmqStreaming,
  jetStreaming,
  rawTwoHops,
  redisStreaming,
} from '../contestants/streams.ts'
import { OURS } from './measure.ts'
import type { MeasureOnTransports } from './on-transport.ts'
import { diskFlood, diskTrickle, flood, trickle } from './streaming.ts'

const PER_SECOND = 1000
/** One sync for each message is a hundred times slower than the others are. */
const SHARE_OF_ONE_BY_ONE = 0.1

export const DURABLE_APPEND: readonly MeasureOnTransports[] = [
  {
    name: 'durable-append',
    title: 'durable append to live reader, 120 B chunks',
    unit: 'chunks/s',
    better: 'more',
    floor: 'raw-2-hops',
    about:
      'Up to 4,096 chunks wait for their acknowledgement; the clock stops when the reader has the last one. Ours is a host without children (a CLI would be the bottleneck) with the real link, credit and chunk log: each chunk is on disk by fsync before it is acknowledged or published. Redis syncs before each reply as well, and is comparable. JetStream as shipped acknowledges before its data is synced, every two minutes; `jetstream-sync` syncs each message and is comparable. Raw ZeroMQ has no disk, and `disk` no reader.',
    goals: [
      { peer: 'jetstream', atLeast: 8 },
      { peer: 'redis', atLeast: 4 },
    ],
    ours: (transport) => flood(OURS, agentmqStreaming(transport)),
    peers: (transport) => [
      flood('jetstream', jetStreaming('as shipped')),
      flood('jetstream-sync', jetStreaming('always'), SHARE_OF_ONE_BY_ONE),
      flood('redis', redisStreaming),
      flood('raw-2-hops', rawTwoHops(transport)),
      diskFlood,
    ],
  },
  {
    name: 'append-schedule',
    title: `durable append to live reader at ${PER_SECOND}/s, open load, p50`,
    unit: 'ms',
    better: 'less',
    floor: 'disk',
    about:
      'Chunks come at random times that do not depend on the system, and latency counts from the time at which a chunk was due until the reader has it. As above.',
    goals: [],
    ours: (transport) => trickle(OURS, agentmqStreaming(transport), PER_SECOND),
    peers: (transport) => [
      trickle('jetstream', jetStreaming('as shipped'), PER_SECOND),
      trickle('jetstream-sync', jetStreaming('always'), PER_SECOND),
      trickle('redis', redisStreaming, PER_SECOND),
      trickle('raw-2-hops', rawTwoHops(transport), PER_SECOND),
      diskTrickle(PER_SECOND),
    ],
  },
]
