/** Client, broker, client: a value of 200 bytes that the server in the middle has, 256 in flight. */
import { jetStreamGet, rawOneHop, redisGet, storedValue } from '../contestants/callers.ts'
import { throughput } from './calls.ts'
import { OURS } from './measure.ts'
import type { MeasureOnTransports } from './on-transport.ts'

export const STORED_VALUE: MeasureOnTransports = {
  name: 'stored-value',
  title: 'request that the broker answers itself, 256 in flight, 200 B',
  unit: 'calls/s',
  better: 'more',
  floor: 'raw-1-hop',
  about:
    '`state.get` of a value of 200 bytes: one process in the middle, no worker. Comparable with a direct get of JetStream (what its key-value store does) and GET of Redis; less work than a brokered call.',
  goals: [],
  ours: (transport) => throughput(OURS, storedValue(transport)),
  peers: (transport) => [
    throughput('jetstream-get', jetStreamGet),
    throughput('redis-get', redisGet),
    throughput('raw-1-hop', rawOneHop(transport)),
  ],
}
