/** What happened in a run, as its parts wrote it down. Types only; checker.ts judges, archive.ts reads. */
import type { StreamItem } from '../../clients/sdk/index.ts'
import type { Executed } from '../../protocol/errors.ts'

/** A line of a client's file of calls. `call` joins the lines of one call; retries share the key. */
export type CallLine =
  | { readonly type: 'life'; readonly life: number }
  | {
      readonly type: 'call'
      readonly call: string
      readonly method: string
      readonly session: string
      readonly key: string
      readonly text: string
    }
  | { readonly type: 'accepted'; readonly call: string }
  | {
      readonly type: 'reply'
      readonly call: string
      readonly turn: number
      readonly sequence: number
    }
  | {
      readonly type: 'error'
      readonly call: string
      readonly code: string
      readonly executed: Executed
    }

/** A line of a follower's file. */
export type FollowLine =
  | { readonly type: 'from'; readonly from: number }
  | { readonly type: 'item'; readonly item: StreamItem }
  | { readonly type: 'failed'; readonly code: string }
  /** It was told how far the stream goes, and has shown all of it. */
  | { readonly type: 'finished' }

/** A line of an agent's file (agent-host/demo/recorder.ts). */
export type AgentLine =
  | { readonly prompt: string; readonly pid: number }
  | { readonly text: string }

/** One prompt that an agent carried out. */
export interface Execution {
  readonly prompt: string
  readonly pieces: readonly string[]
}

export interface CallHistory {
  readonly call: string
  readonly method: string
  readonly session: string
  readonly key: string
  readonly text: string
  readonly isAccepted: boolean
  readonly reply: { readonly turn: number; readonly sequence: number } | undefined
  readonly error: { readonly code: string; readonly executed: Executed } | undefined
  /** Replies and errors; more than one is a violation. */
  readonly ends: number
  /** The client was killed while it was under way. */
  readonly isCutOff: boolean
}

export interface FollowHistory {
  readonly name: string
  readonly from: number
  readonly items: readonly StreamItem[]
  /** Its client lived to the end of the run. */
  readonly isFinal: boolean
  readonly isFinished: boolean
  readonly failure: string | undefined
}

export interface SessionHistory {
  readonly session: string
  /** As read back from the journal after the run. */
  readonly journal: readonly StreamItem[]
  readonly executions: readonly Execution[]
  readonly followers: readonly FollowHistory[]
  readonly calls: readonly CallHistory[]
}

export interface Violation {
  /** The promise that was broken. */
  readonly rule: string
  readonly where: string
  readonly detail: string
}
