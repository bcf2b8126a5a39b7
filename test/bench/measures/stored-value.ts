/** Client, broker, client: a value of 200 bytes that the server in the middle has, 256 in flight. */
import { jetStreamGet, rawOneHop, redisGet, storedValue } from '../contestants/callers.ts'
import type { Transport } from '../transports.ts'
import { throughput } from './calls.ts'
import { type Measure, missingOn, OURS } from './measure.ts'

export function storedValueCall(transport: Transport): Measure {
  return {
    name: `stored-value/${transport.name}`,
    title: `request that the broker answers itself, 256 in flight, 200 B, ${transport.title}`,
    unit: 'calls/s',
    better: 'more',
    floor: 'raw-1-hop',
    about:
      '`state.get` of a value of 200 bytes: one process in the middle, no worker. Comparable with a direct get of JetStream (what its key-value store does) and GET of Redis; less work than a brokered call.',
    goals: [],
    contestants: [
      throughput(OURS, storedValue(transport)),
      throughput('jetstream-get', jetStreamGet),
      throughput('redis-get', redisGet),
      throughput('raw-1-hop', rawOneHop),
    ],
    ...missingOn(transport),
  }
}
