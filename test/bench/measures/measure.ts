/** What a measure is: contestants that do the same work, ours first, and what ours has to reach. */
import type { Latency } from '../figures/percentiles.ts'
import type { Peers } from '../peers.ts'
import type { Stage } from '../stage/stage.ts'

/** Ours in every measure; the others are peers. */
export const OURS = 'agentmq'
/** Ours without security, beside ours with it. */
export const OURS_IN_CLEAR = 'agentmq-ipc'

export interface Sample {
  /** In the unit of the measure. */
  readonly value: number
  /** Of one message each, ms. */
  readonly latencyMs?: Latency
  /** Of all processes together, for 100,000 messages. */
  readonly cpuSeconds?: number
  /** Most memory of the process in the middle, MB. */
  readonly peakMb?: number
  /** What else there is to know, by its name. */
  readonly more?: Readonly<Record<string, number>>
}

/** One run: how large it is, and what is there for it. */
export interface Bench {
  readonly isQuick: boolean
  readonly peers: Peers
  /** Ends with this run of this contestant. */
  readonly stage: Stage
  /** Ends with the measure: for what takes long to prepare and is only read. */
  readonly shared: Shared
}

export interface Shared {
  readonly stage: Stage
  /** The result of `make`, which is called the first time only. */
  once<T>(name: string, make: () => Promise<T>): Promise<T>
}

export interface Contestant {
  readonly name: string
  readonly run: (bench: Bench) => Promise<Sample>
}

export type Goal =
  /** Ours divided by the peer. */
  | { readonly peer: string; readonly atLeast: number }
  | { readonly peer: string; readonly atMost: number }
  /** Ours, in the unit of the measure. */
  | { readonly peer?: never; readonly atMost: number }
  /** Something else that ours tells, by its name. */
  | { readonly peer?: never; readonly figure: string; readonly atMost: number }

export interface Measure {
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly better: 'more' | 'less'
  /** What ours does, and what is comparable with what. */
  readonly about: string
  /** A quick run does less, in a way that changes the value: `bench:check` leaves it out. */
  readonly isSmallerWhenQuick?: true
  /** The contestant that says what the machine and its sockets can do; `bench:check` compares with it. */
  readonly floor?: string
  readonly goals: readonly Goal[]
  /** Ours first. */
  readonly contestants: readonly Contestant[]
}

/** Thrown by a contestant that cannot take part, with the reason. */
export class NotRun extends Error {}
