/** Limits of the old chat stream, with units and the reason where one is not obvious. */
export const PUB_LIMITS = {
  /** Largest subscription that is looked at, bytes. */
  maxPrefixBytes: 512,
  /** Different prefixes that are counted; beyond it only those of chats that there are, and of all chats. */
  maxPrefixes: 10_000,
  /** Messages that libzmq may hold for one subscriber; a chunk has at most 256 KiB and usually 150 bytes. */
  sendHighWaterMark: 1000,
  /** Chats that are kept in mind: those that live, and those with something nobody has read. */
  maxChats: 10_000,
  /** Sessions that wait to be looked up because somebody subscribed to them. */
  maxLookups: 1000,
  /** Period in which held chats and positions are looked at, ms. */
  tickMs: 100,
  /** The log tells of dropped chunks at most this often, ms. */
  tellMs: 1000,
  /** Messages that are sent before others get their turn. */
  burst: 64,
  /**
   * Period in which positions are written, ms. What was sent less than this before is not counted as read,
   * because it may still be in this process.
   */
  settleMs: 1000,
  /** How long chunks of one chat may wait for a subscriber that is full, ms; spent, they are dropped for it. */
  patienceMs: 2000,
  /** How fast that comes back, ms for each ms: a slow subscriber delays the others by this share at most. */
  patienceRefill: 0.2,
  /** How long to wait before a full subscriber is tried again, ms. */
  retryMs: 2,
  /** Attempts to look up or read what a restart of the broker interrupted wait this long, ms. */
  troubleMs: 1000,
} as const
