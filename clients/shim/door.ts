/** What a door is: one way in for clients that do not speak the native protocol. */
import type { Logger } from 'pino'
import type { Client } from '../sdk/index.ts'
import type { AttachDesk } from './attach/desk.ts'
import type { Chats } from './chats.ts'
import type { ShimConfig } from './config.ts'
import type { HttpHooks } from './http/hooks.ts'
import type { DoorMetrics } from './metrics/door-metrics.ts'

export const DOOR_NAMES = [
  'pub',
  'events',
  'rep',
  'attach',
  'metrics',
  'sse',
  'unix',
  'http',
] as const
export type DoorName = (typeof DOOR_NAMES)[number]

export interface Door {
  readonly name: DoorName
  /** Where it can be reached once it has started, as a URL; empty when it stands in another door. */
  readonly addresses: readonly string[]
  /** Resolves when clients can come in. Rejects with IN_USE, NOT_ALLOWED or BAD_CONFIG. */
  start(): Promise<void>
  /** Lets no one in, answers what is under way, closes. Also after a `start` that failed. */
  stop(): Promise<void>
}

/** What doors are made with. The clock, randomness and waiting come from outside. */
export interface DoorContext {
  readonly client: Client
  readonly settings: ShimConfig
  /** Logs as this door. */
  readonly log: Logger
  /** Who wants to know of chat sessions, and who tells. */
  readonly chats: Chats
  /** For doors that stand in the HTTP door: routes and upgrades. To be filled in before it starts. */
  readonly http: HttpHooks
  /** Where tokens for the attach sockets are given and looked at. */
  readonly attach: AttachDesk
  /** What every door counts: connections and requests. */
  readonly metrics: DoorMetrics
  /** Addresses of a door that has started; empty before, and when it is off or failed. */
  readonly addressesOf: (door: DoorName) => readonly string[]
  /** A clock that never goes back, ms. */
  readonly now: () => number
  /** Ms since 1970. */
  readonly wall: () => number
  /** Gives [0, 1). */
  readonly random: () => number
  readonly uuid: () => string
  readonly randomBytes: (size: number) => Uint8Array
  /** Waits; rejects when the signal aborts. */
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Calls `run` every so many ms, until the returned function is called. */
  readonly every: (ms: number, run: () => void) => () => void
}

export type DoorFactory = (context: DoorContext) => Door
