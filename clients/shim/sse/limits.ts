/** Limits of the streams in the HTTP door, with units and the reason where one is not obvious. */
export const STREAM_LIMITS = {
  /** Period in which streams are looked at, ms. */
  tickMs: 1000,
  /** A stream that is silent for this long gets a comment or a ping, so that proxies keep it open, ms. */
  pingMs: 15_000,
  /** A WebSocket that has answered no ping for this long is ended, ms. */
  deadMs: 60_000,
  /** A client that takes nothing for this long is cut off; it can come again and go on, ms. */
  stallMs: 60_000,
  /** Bytes that wait for a WebSocket before the stream waits too; TCP buffers come on top. */
  highWaterBytes: 64 * 1024,
  /** What a browser waits before it comes again, ms. */
  retryMs: 1000,
  /** Largest message from a WebSocket, bytes; nothing is expected. */
  maxMessageBytes: 1024,
  /** How long closing waits for the answer of a client, ms. */
  closeMs: 1000,
} as const
