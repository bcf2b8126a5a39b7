/** system.*: the broker about itself. Every value is measured when asked. */

import { oneOf } from '../one-of.ts'
import { type TSchema, Type } from '../typebox.ts'
import { defineMethod } from './define.ts'

export const SystemInfo = defineMethod('system.info', {
  description: 'What this broker is.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({}),
  result: Type.Object({
    software: Type.String({ description: 'Name and version of the broker' }),
    protocol: Type.String({ description: 'Protocol version' }),
    instance: Type.String({ description: 'Random name of this run' }),
    epoch: Type.Integer({ description: 'How often this journal has been opened by a broker' }),
    pid: Type.Integer({ description: 'Process id of the broker' }),
    started_at: Type.Number({ description: 'ms since 1970' }),
    endpoint: Type.String({ description: 'ROUTER endpoint' }),
    streams: Type.String({ description: 'XPUB endpoint' }),
    journal: Type.String({ description: 'Directory of the journal' }),
  }),
  errors: [],
})

/** What would tell of the work of others. */
const forReachAll = <S extends TSchema>(schema: (description: string) => S, what: string) =>
  Type.Optional(schema(`${what}; absent for reach own`))
const integer = (description: string) => Type.Integer({ description })
const decimal = (description: string) => Type.Number({ description })

export const SystemHealth = defineMethod('system.health', {
  description: 'Whether the broker can do its work, with the evidence.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({}),
  result: Type.Object({
    status: oneOf(
      ['ok', 'degraded', 'draining'],
      'degraded: it works, but something named in `problems` is wrong',
    ),
    problems: Type.Array(Type.String(), { description: 'One sentence each; empty when ok' }),
    uptime_ms: Type.Number({ description: 'Time since it started' }),
    hosts_online: integer('Hosts that are connected'),
    sessions_live: integer('Sessions that have not ended; with reach own those of the caller'),
    loop_lag_ms: decimal('Recent worst delay of the event loop'),
    connections: forReachAll(integer, 'Connections to its ROUTER'),
    calls_in_flight: forReachAll(integer, 'Requests without their end so far'),
    rss_bytes: forReachAll(integer, 'Memory of the process'),
    journal_bytes: forReachAll(integer, 'Size of the journal on disk'),
    journal_commits: forReachAll(integer, 'Commits since it started'),
    journal_corrupt: forReachAll(integer, 'Records that failed their checksum'),
    journal_last_commit_ms: forReachAll(decimal, 'Duration of the last commit'),
  }),
  errors: [],
})

export const SystemMetrics = defineMethod('system.metrics', {
  description:
    'The figures of the broker in the text format of Prometheus; docs/metrics.md lists them.',
  answeredBy: 'broker',
  scope: 'read',
  mutating: false,
  params: Type.Object({}),
  result: Type.Object({
    content_type: Type.String({ description: 'Media type to serve it under' }),
    text: Type.String({ description: 'The exposition' }),
  }),
  errors: [],
})
