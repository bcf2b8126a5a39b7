/** system.*: the broker about itself. Every value is measured when asked. */
import { Type } from 'typebox'
import { oneOf } from '../one-of.ts'
import { defineMethod } from './define.ts'

export const SystemInfo = defineMethod('system.info', {
  description: 'What this broker is.',
  answeredBy: 'broker',
  scope: 'read',
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

export const SystemHealth = defineMethod('system.health', {
  description: 'Whether the broker can do its work, with the evidence.',
  answeredBy: 'broker',
  scope: 'read',
  mutating: false,
  params: Type.Object({}),
  result: Type.Object({
    status: oneOf(
      ['ok', 'degraded', 'draining'],
      'degraded: it works, but something named in `problems` is wrong',
    ),
    problems: Type.Array(Type.String(), { description: 'One sentence each; empty when ok' }),
    uptime_ms: Type.Number({ description: 'Time since it started' }),
    connections: Type.Integer({ description: 'Connections to its ROUTER' }),
    hosts_online: Type.Integer({ description: 'Hosts that are connected' }),
    sessions_live: Type.Integer({ description: 'Sessions that have not ended' }),
    calls_in_flight: Type.Integer({ description: 'Requests without their end so far' }),
    loop_lag_ms: Type.Number({ description: 'Recent worst delay of the event loop' }),
    rss_bytes: Type.Integer({ description: 'Memory of the process' }),
    journal_bytes: Type.Integer({ description: 'Size of the journal on disk' }),
    journal_commits: Type.Integer({ description: 'Commits since it started' }),
    journal_corrupt: Type.Integer({ description: 'Records that failed their checksum' }),
    journal_last_commit_ms: Type.Number({ description: 'Duration of the last commit' }),
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
