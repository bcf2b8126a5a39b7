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

export interface AgentmqReading {
  readonly kind: 'agentmq'
  readonly connect: object
  readonly sessions: readonly string[]
  /** `shared`: one follows all of them; else one each, also where a session stands there several times. */
  readonly connections?: 'shared' | 'one each'
}

/** How a reader reaches its server; each kind is a file of this folder. */
export type ReaderOptions =
  | AgentmqReading
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
