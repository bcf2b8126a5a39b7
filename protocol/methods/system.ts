/** system.*: the broker about itself. Every value is measured when asked. */
import { Type } from 'typebox'
import { defineMethod } from './define.ts'

export const SystemInfo = defineMethod('system.info', {
  description: 'What this broker is.',
  answeredBy: 'broker',
  scope: 'read',
  mutating: false,
  params: Type.Object({}),
  result: Type.Object({
    software: Type.String(),
    protocol: Type.String({ description: 'Protocol version' }),
    instance: Type.String({ description: 'Random name of this run' }),
    epoch: Type.Integer({ description: 'How often this journal has been opened by a broker' }),
    pid: Type.Integer(),
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
    status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('draining')]),
    problems: Type.Array(Type.String({ description: 'One sentence each; empty when ok' })),
    uptime_ms: Type.Number(),
    connections: Type.Integer(),
    hosts_online: Type.Integer(),
    sessions_live: Type.Integer(),
    calls_in_flight: Type.Integer(),
    loop_lag_ms: Type.Number({ description: 'Recent worst delay of the event loop' }),
    rss_bytes: Type.Integer(),
    journal_bytes: Type.Integer(),
    journal_commits: Type.Integer(),
    journal_corrupt: Type.Integer({ description: 'Records that failed their checksum' }),
    journal_last_commit_ms: Type.Number(),
  }),
  errors: [],
})
