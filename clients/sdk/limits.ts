/** Every limit and period of the SDK, with units and the reason where one is not obvious. */
export const SDK_LIMITS = {
  /** Period of the one timer of a client, ms. */
  tickMs: 100,
  /** Deadline of a call that names none, ms. */
  deadlineMs: 30_000,
  /** How long `connect` waits for WELCOME, ms. */
  connectTimeoutMs: 5_000,
  /** Calls that may wait for an answer; beyond it a call fails with OVERLOADED. */
  maxPendingCalls: 65_536,
  /** Extra wait for the broker's own word on a passed deadline: it knows whether work was done, ms. */
  deadlineGraceMs: 250,
  /** How long `close` tries to get GOODBYE out, ms. */
  goodbyeMs: 250,
  /** Live chunks one reader keeps while it reads older ones; newer ones come from the journal later. */
  liveChunks: 4_096,
  /** Bytes of the same. */
  liveBytes: 4 * 1024 * 1024,
  /** Chunks that a reader asks for at a time; two such pages are on their way while one is handed out. */
  pageChunks: 2_000,
  /** HEAD comes every second while idle, so this much silence means a dead subscription, ms. */
  feedSilentMs: 3_500,
  /** A subscription that is not live by then is opened anew, and the journal is polled meanwhile, ms. */
  feedLiveMs: 3_000,
  /** Period of that polling, ms. */
  pollMs: 1_000,
  /** Readers that have moved tell the broker where they are this often, all in one request, ms. */
  progressMs: 1_000,
  /** Giving back a ticket and telling a position are courtesies, tried for this long, ms. */
  courtesyMs: 5_000,
  /** XSUB sockets: as many users as can follow the same session live; the journal is polled for others. */
  maxPipes: 64,
  /** Status changes kept for one reader that does not read; the oldest go first. */
  statusQueue: 64,
} as const

/** Back-off between attempts of one call. */
export const CALL_RETRY = { firstMs: 50, maxMs: 2_000 } as const

/** Back-off after a failed read or open of a stream. */
export const STREAM_RETRY = { firstMs: 250, maxMs: 2_000 } as const
