/** The settings of a broker: one schema for flags, environment, config file, defaults and help. */
import { join } from 'node:path'
import {
  brokerKeyPath,
  brokerKeySetting,
  checkSocketPath,
  type Environment,
  type Places,
  placeSettings,
  resolvePlaces,
} from '../protocol/endpoints.ts'
import { ProtocolError } from '../protocol/errors.ts'
import { oneOf } from '../protocol/one-of.ts'
import { processSettings } from '../protocol/process-settings.ts'
import { resolveSettings, type SettingSources } from '../protocol/settings.ts'
import { type Static, Type } from '../protocol/typebox.ts'
import { CORE_LIMITS, type CoreLimits } from './core/core.ts'
import { IDEMPOTENCY_LIMITS } from './core/idempotency.ts'
import { RETENTION } from './core/retention.ts'
import { TICKET_LIMITS } from './core/tickets.ts'
import { GROUP_LIMITS } from './journal/group-commit.ts'
import { SYNC_POLICIES, type SyncPolicy } from './journal/sync-policy.ts'
import { limitSettings, quotaLimits } from './limit-settings.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS

export const BrokerSettings = Type.Object({
  ...placeSettings,
  streams_endpoint: Type.Optional(
    Type.String({
      pattern: '^(ipc|tcp)://.+',
      description: 'XPUB endpoint; default: ipc in the runtime directory',
    }),
  ),
  listen: Type.Optional(
    Type.String({
      pattern: '^tcp://.+:(\\d+|\\*)$',
      description:
        'Endpoint for other machines, such as tcp://0.0.0.0:19700; with CURVE, for keys that were approved',
    }),
  ),
  listen_streams: Type.Optional(
    Type.String({
      pattern: '^tcp://.+:(\\d+|\\*)$',
      description: 'XPUB endpoint for other machines; default: the port after that of `listen`',
    }),
  ),
  advertise: Type.Optional(
    Type.String({
      pattern: '^tcp://.+:\\d+$',
      description: 'Endpoint under which other machines reach `listen`, for export-context',
    }),
  ),
  ...brokerKeySetting,
  insecure_loopback: Type.Boolean({
    default: false,
    description: 'Allow tcp on loopback, where every local user gets every right',
  }),
  journal_dir: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Directory of the journal; default: in the state directory',
    }),
  ),
  heartbeat_ms: Type.Integer({
    minimum: 10,
    default: 1000,
    description: 'PING is sent this often, ms',
  }),
  liveness_ms: Type.Integer({
    minimum: 50,
    default: 6000,
    description: 'A peer that is silent for this long is lost, ms',
  }),
  host_credit_bytes: Type.Integer({
    minimum: 65_536,
    default: 4_194_304,
    description: 'Bytes of chunks that a host may have on the way to the disk',
  }),
  journal_sync: Type.Unsafe<SyncPolicy>({
    ...oneOf(
      SYNC_POLICIES,
      'What is on disk when something is acknowledged: all of it; its data, but not yet the page that points to it; nothing but what the system wrote by itself. docs/reliability.md says what each can lose',
    ),
    default: 'always',
  }),
  journal_commit_operations: Type.Integer({
    minimum: 1,
    default: GROUP_LIMITS.maxCommitOperations,
    description: 'Operations of one commit of the journal',
  }),
  journal_commit_bytes: Type.Integer({
    minimum: 1,
    default: GROUP_LIMITS.maxCommitBytes,
    description: 'Bytes of chunks in one commit of the journal',
  }),
  journal_commit_delay_ms: Type.Integer({
    minimum: 0,
    maximum: 1000,
    default: 0,
    description: 'An idle journal waits this long for more before it commits, ms',
  }),
  ...limitSettings,
  drain_ms: Type.Integer({
    minimum: 0,
    default: 5000,
    description: 'SIGTERM waits this long for calls in flight, ms',
  }),
  retain_chunk_days: Type.Number({
    minimum: 0,
    default: 0,
    description: 'Chunks older than this are dropped, days; 0 = never for their age',
  }),
  retain_session_bytes: Type.Integer({
    minimum: 65_536,
    default: RETENTION.sessionBytes,
    description: 'Most bytes kept of one session; beyond it its oldest chunks are dropped',
  }),
  retain_total_bytes: Type.Integer({
    minimum: 1_048_576,
    default: RETENTION.totalBytes,
    description: 'Most bytes kept of all sessions; beyond it the oldest chunks are dropped',
  }),
  retain_ended_days: Type.Number({
    minimum: 0,
    default: RETENTION.endedAgeMs / DAY_MS,
    description: 'Sessions that ended this long ago are removed, days; 0 = never',
  }),
  retain_events: Type.Integer({
    minimum: 1000,
    maximum: 10_000_000,
    default: CORE_LIMITS.maxEvents,
    description: 'Events of `@events` that are kept; beyond it the oldest are dropped',
  }),
  retain_event_bytes: Type.Integer({
    minimum: 1_048_576,
    default: CORE_LIMITS.maxEventBytes,
    description: 'Most bytes kept of `@events`; beyond it the oldest are dropped',
  }),
  retain_audit: Type.Integer({
    minimum: 1000,
    maximum: 100_000_000,
    default: CORE_LIMITS.maxAuditRecords,
    description: 'Records of the audit log that are kept; beyond it the oldest are dropped',
  }),
  retain_audit_bytes: Type.Integer({
    minimum: 1_048_576,
    default: CORE_LIMITS.maxAuditBytes,
    description: 'Most bytes kept of the audit log; beyond it the oldest are dropped',
  }),
  idempotency_hours: Type.Number({
    minimum: 0.1,
    default: IDEMPOTENCY_LIMITS.windowMs / HOUR_MS,
    description: 'A repeated request gets its first answer for this long, hours',
  }),
  idempotency_keys: Type.Integer({
    minimum: 1000,
    maximum: 10_000_000,
    default: IDEMPOTENCY_LIMITS.maxKeys,
    description: 'Most requests whose answers are kept, about 600 bytes of memory each',
  }),
  ...processSettings('broker', 'usable'),
})
export type BrokerSettings = Static<typeof BrokerSettings>

export interface BrokerConfig extends BrokerSettings {
  readonly places: Places
  readonly streamsEndpoint: string
  readonly journalDir: string
  /** XPUB endpoint of the network. */
  readonly listenStreams: string | undefined
  readonly keyFile: string
}

/** The directory of the journal. */
export function journalDirectory(
  settings: Pick<BrokerSettings, 'journal_dir'>,
  places: Places,
): string {
  return settings.journal_dir ?? join(places.stateDir, 'journal')
}

/** Throws BAD_CONFIG. */
export function brokerConfig(
  sources: SettingSources & { readonly env: Environment },
): BrokerConfig {
  const settings = resolveSettings(BrokerSettings, sources)
  const places = resolvePlaces(sources.env, settings)
  const streamsEndpoint = settings.streams_endpoint ?? places.streams
  checkSocketPath(streamsEndpoint, 'streams_endpoint')
  for (const endpoint of [places.endpoint, streamsEndpoint]) checkExposure(endpoint, settings)
  checkHeartbeat(settings)
  return {
    ...settings,
    places,
    streamsEndpoint,
    journalDir: journalDirectory(settings, places),
    listenStreams: settings.listen_streams ?? streamsOf(settings.listen),
    keyFile: brokerKeyPath(settings, places),
  }
}

/** The endpoint with the next port; any port for any port. */
function streamsOf(listen: string | undefined): string | undefined {
  return listen?.replace(/\d+$/, (port) => String(Number(port) + 1))
}

/** What the core may hold and keep, by these settings. */
export function coreLimits(settings: BrokerSettings): CoreLimits {
  const never = Number.POSITIVE_INFINITY
  const { retain_chunk_days, retain_ended_days } = settings
  return {
    ...CORE_LIMITS,
    maxCommitOperations: settings.journal_commit_operations,
    maxCommitBytes: settings.journal_commit_bytes,
    commitDelayMs: settings.journal_commit_delay_ms,
    hostCreditBytes: settings.host_credit_bytes,
    quotas: quotaLimits(settings),
    sharePercent: settings.principal_share_percent,
    tickets: { ...TICKET_LIMITS, maxPerPrincipal: settings.principal_tickets },
    maxEvents: settings.retain_events,
    maxEventBytes: settings.retain_event_bytes,
    maxAuditRecords: settings.retain_audit,
    maxAuditBytes: settings.retain_audit_bytes,
    idempotency: {
      windowMs: settings.idempotency_hours * HOUR_MS,
      maxKeys: settings.idempotency_keys,
      maxBytes: IDEMPOTENCY_LIMITS.maxBytes,
    },
    retention: {
      chunkAgeMs: retain_chunk_days === 0 ? never : retain_chunk_days * DAY_MS,
      sessionBytes: settings.retain_session_bytes,
      totalBytes: settings.retain_total_bytes,
      endedAgeMs: retain_ended_days === 0 ? never : retain_ended_days * DAY_MS,
    },
  }
}

const LOOPBACK = /^tcp:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\]):/

/** Without keys, whoever reaches a tcp port could run programs: that is never opened by accident. */
function checkExposure(endpoint: string, { insecure_loopback }: BrokerSettings): void {
  if (!endpoint.startsWith('tcp://')) return
  const isLoopback = LOOPBACK.test(endpoint)
  if (isLoopback && insecure_loopback) return
  const reason = isLoopback
    ? `${endpoint} has no authentication; say --insecure-loopback if every local user may use it, or --listen`
    : `${endpoint} has no authentication; say --listen ${endpoint} for an endpoint with keys`
  throw new ProtocolError('BAD_CONFIG', { source: 'endpoint', reason })
}

/** Otherwise every peer would be lost between two of its beats. */
function checkHeartbeat({ heartbeat_ms, liveness_ms }: BrokerSettings): void {
  if (liveness_ms > heartbeat_ms) return
  const reason = `${liveness_ms} must be more than heartbeat_ms, which is ${heartbeat_ms}`
  throw new ProtocolError('BAD_CONFIG', { source: 'liveness_ms', reason })
}
