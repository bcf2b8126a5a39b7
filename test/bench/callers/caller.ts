/** One way to make a request and get its reply, behind an interface that all loads share. */
import type { RawPlace } from '../transports.ts'

export interface Caller {
  readonly call: () => Promise<unknown>
}

/** Bytes of a request, and of its reply where the method lets the caller choose. */
export const BODY_BYTES = 200

/** How a caller reaches its server; each kind is a file of this folder. */
export type CallerOptions =
  | AgentmqOptions
  | { readonly kind: 'zeromq'; readonly place: Pick<RawPlace, 'endpoint' | 'client'> }
  | { readonly kind: 'nats'; readonly cache: string; readonly url: string }
  | { readonly kind: 'jetstream-get'; readonly cache: string; readonly url: string }
  | { readonly kind: 'redis-get'; readonly cache: string; readonly path: string }

export interface AgentmqOptions {
  readonly kind: 'agentmq'
  readonly connect: object
  readonly what:
    | { readonly method: 'brokered'; readonly session: string; readonly isJournalled: boolean }
    | { readonly method: 'state.get'; readonly key: string }
}
