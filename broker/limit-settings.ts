/**
 * The settings of limits that hold for principals and for other machines (docs/security.md), and what the parts
 * of the broker make of them.
 */
import { type Static, Type } from '../protocol/typebox.ts'
import { GUARD_TIMES, type GuardLimits } from './access/door-guard.ts'
import { CONNECTION_LIMITS, type ConnectionLimits } from './connection-limits.ts'
import { QUOTA_LIMITS, type Quota, type QuotaLimits } from './core/quotas.ts'
import { SHARE_PERCENT } from './core/shares.ts'
import { TICKET_LIMITS } from './core/tickets.ts'

const { network: NETWORK } = CONNECTION_LIMITS

function perSecond(who: string, { callsPerSecond }: Quota) {
  return Type.Integer({
    minimum: 0,
    default: callsPerSecond,
    description: `Calls that ${who} may make in a second, and twice as many after a rest; 0 = any number`,
  })
}

function writesPerSecond(quota: Quota) {
  return Type.Integer({
    minimum: 0,
    default: quota.writesPerSecond,
    description: 'Of them, calls that change something; 0 = any number',
  })
}

function inFlight(who: string, quota: Quota) {
  return Type.Integer({
    minimum: 0,
    default: quota.inFlight,
    description: `Calls that ${who} may have under way; 0 = any number`,
  })
}

function timePercent(who: string, quota: Quota) {
  return Type.Integer({
    minimum: 0,
    maximum: 100,
    default: quota.timePercent,
    description: `Share of the working time of the broker that ${who} may use; 0 = all of it`,
  })
}

export const limitSettings = {
  network_connections: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: NETWORK.maxConnections,
    description: 'Connections from other machines at once',
  }),
  network_handshakes: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: NETWORK.maxGreeting,
    description: 'Of them, those that have not shaken hands; beyond it the oldest has to go',
  }),
  network_memory_bytes: Type.Integer({
    minimum: 0,
    default: 256 * 1024 * 1024,
    description:
      'Memory that ZeroMQ may take beyond what it took at first, before all connections from other machines are ended; 0 = never',
  }),
  network_open_files_percent: Type.Integer({
    minimum: 0,
    maximum: 100,
    default: 90,
    description:
      'Share of the open files that the process may have, before all connections from other machines are ended; 0 = never',
  }),
  handshake_ms: Type.Integer({
    minimum: 1000,
    default: CONNECTION_LIMITS.handshakeMs,
    description: 'A connection that has not shaken hands after this is cut off, ms',
  }),
  key_connects_per_second: Type.Integer({
    minimum: 1,
    default: 10,
    description: 'Connections that one key may open in the long run',
  }),
  principal_connections: Type.Integer({
    minimum: 1,
    default: NETWORK.maxPerPrincipal,
    description: 'Connections that one principal may have',
  }),
  principal_calls_per_second: perSecond('a principal', QUOTA_LIMITS.principal),
  principal_writes_per_second: writesPerSecond(QUOTA_LIMITS.principal),
  principal_calls_in_flight: inFlight('a principal', QUOTA_LIMITS.principal),
  principal_time_percent: timePercent('a principal', QUOTA_LIMITS.principal),
  principal_tickets: Type.Integer({
    minimum: 1,
    default: TICKET_LIMITS.maxPerPrincipal,
    description: 'Tickets for streams that one principal may hold',
  }),
  principal_share_percent: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: SHARE_PERCENT,
    description:
      'Share of sessions, tasks, state, workflows and questions that one principal may take up',
  }),
  gateway_calls_per_second: perSecond('a gateway, with all its users,', QUOTA_LIMITS.gateway),
  gateway_writes_per_second: writesPerSecond(QUOTA_LIMITS.gateway),
  gateway_calls_in_flight: inFlight('a gateway, with all its users,', QUOTA_LIMITS.gateway),
  gateway_time_percent: timePercent('a gateway, with all its users,', QUOTA_LIMITS.gateway),
  local_calls_per_second: perSecond('all users of this machine', QUOTA_LIMITS.local),
} as const

const LimitSettings = Type.Object(limitSettings)
type LimitSettings = Static<typeof LimitSettings>

/** Which connections there may be, by these settings. */
export function connectionLimits(settings: LimitSettings): ConnectionLimits {
  return {
    ...CONNECTION_LIMITS,
    network: {
      ...NETWORK,
      maxConnections: settings.network_connections,
      maxGreeting: settings.network_handshakes,
      maxPerPrincipal: settings.principal_connections,
    },
    handshakeMs: settings.handshake_ms,
  }
}

/** When the door for other machines is shut; `openFiles`: how many the process may have. */
export function guardLimits(settings: LimitSettings, openFiles: number | undefined): GuardLimits {
  const never = Number.POSITIVE_INFINITY
  const { network_open_files_percent: percent, network_memory_bytes: bytes } = settings
  return {
    ...GUARD_TIMES,
    maxOpenFiles: percent === 0 || openFiles === undefined ? never : (openFiles * percent) / 100,
    maxNativeBytes: bytes === 0 ? never : bytes,
  }
}

/** What principals may ask for, by these settings. */
export function quotaLimits(settings: LimitSettings): QuotaLimits {
  const { local, gateway, principal } = QUOTA_LIMITS
  return {
    local: { ...local, callsPerSecond: settings.local_calls_per_second },
    gateway: {
      ...gateway,
      callsPerSecond: settings.gateway_calls_per_second,
      writesPerSecond: settings.gateway_writes_per_second,
      inFlight: settings.gateway_calls_in_flight,
      timePercent: settings.gateway_time_percent,
    },
    principal: {
      ...principal,
      callsPerSecond: settings.principal_calls_per_second,
      writesPerSecond: settings.principal_writes_per_second,
      inFlight: settings.principal_calls_in_flight,
      timePercent: settings.principal_time_percent,
    },
  }
}
