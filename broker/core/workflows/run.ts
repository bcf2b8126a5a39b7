/** One execution while the broker runs: its record, and what is only true in this life of the broker. */
import type { ProtocolError } from '../../../protocol/errors.ts'
import { type StepRecord, stepOf, type WorkflowRecord } from './record.ts'
import type { TurnOutput } from './turn-output.ts'

/** Since when something cannot go on, and when it is tried again; monotonic ms. */
export interface Wait {
  /** Since when a host is away; when it is not, the last time that this was seen. */
  readonly since: number
  /** Whether a host was away when this was noted. */
  readonly isAway?: boolean
  /** Since when no slot was free, however often a host was away meanwhile. */
  readonly slotSince?: number
  readonly nextAt: number
}

export interface Run {
  record: WorkflowRecord
  /** Its writes that are on the way to the disk; until they are there nothing new begins. */
  writing: number
  /** After a failed write nothing is tried before, monotonic ms. */
  retryAt: number
  /** Steps and duties for which something was asked that has not come to an end. */
  readonly asking: Set<string>
  readonly waits: Map<string, Wait>
  /** Why sessions of it did not start. */
  readonly failures: Map<string, ProtocolError>
  /** By step: how far its turn is read. */
  readonly outputs: Map<string, TurnOutput>
}

export function newRun(record: WorkflowRecord): Run {
  return {
    record,
    writing: 0,
    retryAt: Number.NEGATIVE_INFINITY,
    asking: new Set(),
    waits: new Map(),
    failures: new Map(),
    outputs: new Map(),
  }
}

export function isRunning(run: Run, step: string): boolean {
  return stepOf(run.record, step)?.state.status === 'running'
}

/** Whether it has anything to do with this session. */
export function concerns({ record }: Run, session: string): boolean {
  return record.steps.some(({ state }) => usesSession(state, session))
}

function usesSession(state: StepRecord['state'], session: string): boolean {
  if (state.status !== 'running') return false
  return state.work.at !== 'opening' && state.work.session === session
}
