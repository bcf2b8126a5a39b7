/** One way to append a message to a stream, behind an interface that all loads share. */
import type { Place, RawPlace } from '../transports.ts'

export interface Producer {
  /** Resolves when the system has acknowledged it. `stream` counts from 0. */
  append(text: string, stream: number): Promise<unknown>
}

export interface AgentmqProducing {
  readonly kind: 'agentmq'
  readonly place: Place
  /** That each of its hosts has room for. */
  readonly sessions: number
  /** Default: one. */
  readonly hosts?: number
}

/** How a producer reaches its server; each kind is a file of this folder. */
export type ProducerOptions =
  | AgentmqProducing
  | { readonly kind: 'jetstream'; readonly cache: string; readonly url: string }
  | { readonly kind: 'nats'; readonly cache: string; readonly url: string }
  | { readonly kind: 'redis'; readonly cache: string; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'zeromq'; readonly place: RawPlace; readonly attach: 'bind' | 'connect' }
