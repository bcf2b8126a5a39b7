/** One way to append a message to a stream, behind an interface that all loads share. */
import type { Place, RawPlace } from '../transports.ts'

export interface Producer {
  /** Resolves when the system has acknowledged it. `stream` counts from 0. */
  append(text: string, stream: number): Promise<unknown>
}

/** How a producer reaches its server; each kind is a file of this folder. */
export type ProducerOptions =
  | { readonly kind: 'agentmq'; readonly place: Place; readonly sessions: number }
  | { readonly kind: 'jetstream'; readonly cache: string; readonly url: string }
  | { readonly kind: 'nats'; readonly cache: string; readonly url: string }
  | { readonly kind: 'redis'; readonly cache: string; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'zeromq'; readonly place: RawPlace; readonly attach: 'bind' | 'connect' }
