/** How many connections there may be, of whom, and for how long without a handshake. */

export interface SideLimits {
  /** Connections at once, welcomed or not. */
  readonly maxConnections: number
  /** Of them, those that are not welcome; beyond it the one that came first makes room. */
  readonly maxGreeting: number
  /** Connections that one principal may have. */
  readonly maxPerPrincipal: number
  /** Body bytes that may wait to be sent to one principal. */
  readonly maxOutboxBytes: number
}

export interface ConnectionLimits {
  readonly local: SideLimits
  readonly network: SideLimits
  /** A connection that has not shaken hands after this is cut off, ms. */
  readonly handshakeMs: number
  /** A connection that was cut off for malformed frames is ignored this long, ms. */
  readonly bannedForMs: number
  /** One that was cut off and does not read its reason is forgotten after this, ms. */
  readonly lingerMs: number
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  local: {
    maxConnections: 4096, // about 5 KB each while idle
    maxGreeting: 4096,
    maxPerPrincipal: Number.POSITIVE_INFINITY, // all users of this machine are one principal
    maxOutboxBytes: Number.POSITIVE_INFINITY, // bounded for each connection
  },
  network: {
    maxConnections: 2048,
    maxGreeting: 256, // a handshake takes two round trips
    maxPerPrincipal: 64, // a team of scripts, or the hosts of one owner
    maxOutboxBytes: 64 * 1024 * 1024, // four connections with all that one may have
  },
  handshakeMs: 10_000,
  bannedForMs: 60_000,
  lingerMs: 5000,
}
