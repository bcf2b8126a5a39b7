/** Limits of the WebSocket doors, with units and the reason where one is not obvious. */
export const EVENTS_LIMITS = {
  /** Largest message of a client, bytes; filters of real clients have a few ids. */
  maxMessageBytes: 256 * 1024,
  /** Ids in one list of a filter. */
  maxFilterIds: 1000,
  /** Period in which connections are looked at, ms. */
  tickMs: 1000,
  /** Period of Ping, ms. */
  pingMs: 30_000,
  /** A connection that has answered no ping for this long is ended, ms. */
  deadMs: 75_000,
  /** Bytes that may wait for one client; one that lets more gather is cut off. */
  maxBufferedBytes: 4 * 1024 * 1024,
  /** Handshake of WebSocket: its headers have to be there by then, ms. */
  handshakeMs: 10_000,
  /** How long closing waits for the answer of a client, ms. */
  closeMs: 1000,
} as const
