/** What the journal holds of one execution. Never changed in place: each change makes a new record. */
import type {
  OnError,
  StepInfo,
  StepStatus,
  WorkflowInfo,
  WorkflowStatus,
} from '../../../protocol/methods/workflow.ts'

/** What a running step is about; each is on disk before the next begins. */
export type Work =
  /** It has no session yet, or none that lives. */
  | { readonly at: 'opening' }
  /** Its own session was asked for; its prompt was not given yet. */
  | { readonly at: 'session'; readonly session: string }
  /** Its prompt is in the stream of the session, at this sequence. */
  | {
      readonly at: 'turn'
      readonly session: string
      readonly turn: number
      readonly sequence: number
    }

export interface StepError {
  readonly code: string
  readonly message: string
}

/** Where a step was done. */
interface Place {
  readonly session?: string
  readonly turn?: number
}

export type StepState =
  | { readonly status: 'pending' }
  | {
      readonly status: 'running'
      readonly started_at: number
      /** The same by the clock of ages (clock.ts), for the deadline. */
      readonly started_age: number
      /** How many sessions were asked for. */
      readonly starts: number
      readonly work: Work
    }
  | (Place & {
      readonly status: 'completed'
      readonly started_at: number
      readonly ended_at: number
      /** The output is only the end of what the turn said. */
      readonly cut: boolean
    })
  | (Place & {
      readonly status: 'failed'
      readonly started_at: number
      readonly ended_at: number
      readonly error: StepError
    })
  | { readonly status: 'skipped'; readonly ended_at: number }
  | (Place & {
      readonly status: 'cancelled'
      readonly started_at?: number
      readonly ended_at: number
    })

export interface StepRecord {
  readonly id: string
  readonly needs: readonly string[]
  /** The session that it was given; absent: it starts one of its own. */
  readonly session?: string
  readonly on_error: OnError
  readonly keep: boolean
  readonly deadline_ms?: number
  readonly state: StepState
}

/** What is still to be done about a session when its step has ended. */
export interface Duty {
  /** stop: the process is not needed any more; interrupt: only that turn of it. */
  readonly kind: 'stop' | 'interrupt'
  readonly session: string
  /** 0 = it had no turn yet. */
  readonly turn: number
}

export interface WorkflowRecord {
  readonly execution: string
  readonly name: string
  readonly owner: string
  /** `traceparent` of the request. */
  readonly trace: string
  readonly max_parallel: number
  readonly deadline_ms?: number
  readonly created_at: number
  /** The same by the clock of ages. */
  readonly created_age: number
  readonly status: WorkflowStatus
  /** Why it fails; set as soon as that is certain, also while steps still run. */
  readonly reason: string
  readonly ended_at?: number
  readonly steps: readonly StepRecord[]
  readonly duties: readonly Duty[]
}

/** What a caller sees. `output` is asked for completed steps only. */
export function workflowInfo(
  record: WorkflowRecord,
  output?: (step: StepRecord, index: number) => string,
): WorkflowInfo {
  const { execution, name, owner, status, reason, created_at, ended_at } = record
  return {
    ...{ execution, name, owner, status, reason, created_at },
    ...(ended_at !== undefined && { ended_at }),
    steps: record.steps.map((step, index) => ({
      ...stepInfo(step),
      ...(step.state.status === 'completed' && output && { output: output(step, index) }),
    })),
  }
}

function stepInfo({ id, state }: StepRecord): StepInfo {
  const place = placeOf(state)
  return {
    id,
    status: state.status satisfies StepStatus,
    ...place,
    ...(state.status === 'completed' && state.cut && { output_cut: true }),
    ...('error' in state && { error: { ...state.error } }),
    ...('started_at' in state &&
      state.started_at !== undefined && { started_at: state.started_at }),
    ...('ended_at' in state && { ended_at: state.ended_at }),
  }
}

export function placeOf(state: StepState): Place {
  const from = state.status === 'running' ? state.work : state
  return {
    ...('session' in from && from.session !== undefined && { session: from.session }),
    ...('turn' in from && from.turn !== undefined && { turn: from.turn }),
  }
}

export function stepOf(record: WorkflowRecord, id: string): StepRecord | undefined {
  return record.steps.find((step) => step.id === id)
}

/** Something is left to be done for it. */
export function isActive({ status, duties }: WorkflowRecord): boolean {
  return status === 'running' || duties.length > 0
}
