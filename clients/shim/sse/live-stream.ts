/** A client that is sent a stream, in one of the ways there are. */
import type { Sink } from './pump.ts'

export interface LiveStream extends Sink {
  /** Aborted when the client has left. */
  readonly gone: AbortSignal
  /** Keeps the connection alive, or finds that it is not. */
  tick(): void
  /** Ends it, telling why. */
  fail(code: string, message: string): void
  /** Ends it after the last item. */
  end(): void
  /** Ends it at once. */
  cut(): void
}
