/** Metrics of streams: what comes in, what goes out, and who falls behind. */

import type { Host } from '../core/hosts.ts'
import { connectionName, type Lagging, lagging } from '../core/readers.ts'
import { each, type Metric, type Sample, single, type View } from './metric.ts'
import { SUBSCRIPTION_OUTCOMES } from './outcomes.ts'

/** Readers and hosts that are named one by one; the rest is in the totals. */
export const NAMED = 20

export const STREAM_METRICS = {
  agentmq_stream_chunks_taken_total: single(
    'counter',
    'Chunks taken from hosts, each counted once.',
    ({ core }) => core.tally.chunksTaken,
  ),
  agentmq_stream_bytes_taken_total: single(
    'counter',
    'Body bytes of chunks taken from hosts.',
    ({ core }) => core.tally.bytesTaken,
  ),
  agentmq_stream_chunks_repeated_total: single(
    'counter',
    'Chunks that hosts sent again though they had been taken.',
    ({ core }) => core.tally.chunksRepeated,
  ),
  agentmq_stream_chunks_published_total: single(
    'counter',
    'Chunks given to XPUB, once for all readers of a stream; streams without readers are left out.',
    ({ core }) => core.tally.chunksPublished,
  ),
  agentmq_stream_bytes_published_total: single(
    'counter',
    'Body bytes of chunks given to XPUB.',
    ({ core }) => core.tally.bytesPublished,
  ),
  agentmq_tickets: single('gauge', 'Tickets, redeemed or not.', ({ core }) => core.tickets.size),
  agentmq_subscriptions_total: {
    type: 'counter',
    help: 'Subscriptions on XPUB: redeemed (a ticket that was good), released (its end) or unknown (no ticket, one that was used before, or the end of such).',
    labels: ['outcome'],
    read: ({ subscriptions }) => each('outcome', SUBSCRIPTION_OUTCOMES, subscriptions),
  },
  agentmq_readers: single('gauge', 'Readers of streams.', ({ core }) => lagging(core).length),
  agentmq_reader_lag_chunks_max: single(
    'gauge',
    'Chunks that the slowest reader has not taken, as far as it has told.',
    ({ core }) => lagging(core)[0]?.lag ?? 0,
  ),
  agentmq_reader_lag_chunks: {
    type: 'gauge',
    help: `The same for the readers that are furthest behind, at most ${NAMED}; those that are not behind are left out.`,
    labels: ['session', 'connection'],
    read: slowest,
  },
  agentmq_host_credit_bytes: {
    type: 'gauge',
    help: `Bytes of chunks that a connected host may still send before some of them are on disk; the ${NAMED} hosts with the least.`,
    labels: ['host'],
    read: credits,
  },
} as const satisfies Record<string, Metric>

function slowest({ core }: View): Sample[] {
  const behind = new Map<string, Sample>()
  for (const { reading, lag } of lagging(core).filter(isBehind)) {
    const { session, holder } = reading
    const labels = { session, connection: connectionName(holder.connection) }
    // One connection may read one session twice; the first is the slower one.
    const key = `${labels.connection} ${session}`
    if (!behind.has(key)) behind.set(key, [labels, lag])
    if (behind.size === NAMED) break
  }
  return [...behind.values()]
}

function isBehind({ lag }: Lagging): boolean {
  return lag > 0
}

function credits({ core, hostCreditBytes }: View): Sample[] {
  const left = ({ id, connection }: Host): Sample[] =>
    connection === undefined
      ? []
      : [[{ host: id }, hostCreditBytes - core.appends.creditSpent(connection)]]
  return [...core.hosts.all()]
    .flatMap(left)
    .sort(([, a], [, b]) => a - b)
    .slice(0, NAMED)
}
