/** What the SDK needs from sockets, so that everything but sockets.ts can run without them. */
import type { OpenDealer } from '../../protocol/link/peer-connection.ts'

export interface SubscriberPort {
  subscribe(ticket: string): void
  unsubscribe(ticket: string): void
  close(): void
}

export interface Transport {
  readonly dealer: OpenDealer
  /**
   * Calls `receive` with the topic and the two frames of each bundle, and `broken` when the connection is
   * gone: it is made again, but tickets that took effect are void.
   */
  subscriber(
    endpoint: string,
    receive: (topic: string, frames: readonly Uint8Array[]) => void,
    broken: () => void,
  ): SubscriberPort
}
