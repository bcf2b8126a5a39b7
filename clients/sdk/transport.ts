/** What the SDK needs from sockets, so that everything but sockets.ts can run without them. */
import type { Bundle } from '../../protocol/bundle.ts'

export interface DealerHandlers {
  receive(frames: readonly Uint8Array[]): void
  /** The connection broke; the socket dials again by itself. */
  disconnected(): void
  /** Something that explains why no connection comes about. */
  trouble(reason: string): void
}

export interface DealerPort {
  /** Resolves when the socket has taken the bundle; waits while no broker is there. */
  send(bundle: Bundle): Promise<void>
  close(): void
}

export interface SubscriberPort {
  subscribe(ticket: string): void
  unsubscribe(ticket: string): void
  close(): void
}

export interface Transport {
  /** Throws BAD_CONFIG for an endpoint that cannot be one. */
  dealer(endpoint: string, handlers: DealerHandlers): DealerPort
  /** Calls `receive` with the topic and the two frames of each bundle. */
  subscriber(
    endpoint: string,
    receive: (topic: string, frames: readonly Uint8Array[]) => void,
  ): SubscriberPort
}
