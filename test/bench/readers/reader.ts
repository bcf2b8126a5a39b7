/** One way to read streams, behind an interface that all measures share. */

import type { Ticks } from '../load/ticks.ts'
import type { RawPlace } from '../transports.ts'

/** Gets what each message said. */
export type OnText = (text: string) => void

export interface Reading {
  /** Holes that were never filled. */
  readonly gaps: number
  stop(): Promise<unknown>
}

/** How a reader reaches its server; each kind is a file of this folder. */
export type ReaderOptions =
  | { readonly kind: 'agentmq'; readonly connect: object; readonly sessions: readonly string[] }
  | { readonly kind: 'jetstream'; readonly cache: string; readonly url: string }
  | {
      readonly kind: 'nats'
      readonly cache: string
      readonly url: string
      readonly streams: readonly number[]
    }
  | { readonly kind: 'redis'; readonly cache: string; readonly path: string }
  | { readonly kind: 'pipe'; readonly ticks: Ticks }
  | { readonly kind: 'zeromq'; readonly place: RawPlace; readonly attach: 'bind' | 'connect' }

/** Begins to read from the first message on. Resolves when it reads. */
export type StartReading = (onText: OnText) => Promise<Reading>
