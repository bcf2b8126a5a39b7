/** The scheduler: (record, event, now) -> record, and what is due then. No journal, no sessions, no clock. */
import {
  type Duty,
  placeOf,
  type StepError,
  type StepRecord,
  type StepState,
  stepOf,
  type Work,
  type WorkflowRecord,
} from './record.ts'

/** What happens to an execution. */
export type WorkflowEvent =
  /** It was looked at for the first time: without steps it has ended. */
  | { readonly type: 'begun' }
  | { readonly type: 'started'; readonly step: string }
  /** Its own session was asked for. */
  | { readonly type: 'opened'; readonly step: string; readonly session: string }
  /** That session came to nothing; it gets another one. */
  | { readonly type: 'reopened'; readonly step: string }
  /** Its prompt was given. */
  | {
      readonly type: 'asked'
      readonly step: string
      readonly session: string
      readonly turn: number
      readonly sequence: number
    }
  | { readonly type: 'completed'; readonly step: string; readonly cut: boolean }
  | { readonly type: 'failed'; readonly step: string; readonly error: StepError }
  | { readonly type: 'cancelled' }
  /** It has no steps. */
  | { readonly type: 'empty' }
  /** The time of the whole is over. */
  | { readonly type: 'expired'; readonly error: StepError }
  /** Nothing is left to do about this session. */
  | { readonly type: 'tidied'; readonly session: string; readonly turn: number }

export interface Moment {
  /** ms since 1970. */
  readonly wall: number
  /** The clock of ages, ms. */
  readonly age: number
}

type Running = Extract<StepState, { status: 'running' }>

/** The record after an event; an event that no longer fits changes nothing. */
export function next(record: WorkflowRecord, event: WorkflowEvent, at: Moment): WorkflowRecord {
  switch (event.type) {
    case 'begun':
      return concluded(record, at)
    case 'started':
      return withState(record, event.step, 'pending', () => startedAt(at))
    case 'opened':
      return withWork(record, event.step, { at: 'session', session: event.session }, 1)
    case 'reopened':
      return withWork(reopening(record, event.step), event.step, { at: 'opening' }, 0)
    case 'asked': {
      const { session, turn, sequence } = event
      return withWork(record, event.step, { at: 'turn', session, turn, sequence }, 0)
    }
    case 'completed':
      return concluded(
        ended(record, event.step, (state) => completed(state, event.cut, at)),
        at,
      )
    case 'failed':
      return concluded(failing(record, event.step, event.error, at), at)
    case 'cancelled':
      return record.status === 'running' ? cancelled(record, at) : record
    case 'empty':
      return concluded(record, at)
    case 'expired':
      return record.status === 'running' ? concluded(expired(record, event.error, at), at) : record
    case 'tidied':
      return { ...record, duties: record.duties.filter((duty) => !isAbout(duty, event)) }
  }
}

function isAbout(duty: Duty, { session, turn }: Pick<Duty, 'session' | 'turn'>): boolean {
  return duty.session === session && duty.turn === turn
}

/** Ids of the steps that can begin now, as many as may run besides those that do. */
export function due({ status, reason, steps, max_parallel }: WorkflowRecord): string[] {
  if (status !== 'running' || reason !== '') return []
  const settled = new Set(steps.filter(isSettled).map(({ id }) => id))
  const running = steps.filter(({ state }) => state.status === 'running').length
  return steps
    .filter(({ state, needs }) => {
      return state.status === 'pending' && needs.every((need) => settled.has(need))
    })
    .slice(0, Math.max(0, max_parallel - running))
    .map(({ id }) => id)
}

/** Ids of running steps whose time is over. */
export function overdue({ steps }: WorkflowRecord, age: number): string[] {
  return steps
    .filter(({ state, deadline_ms = Number.POSITIVE_INFINITY }) => {
      return state.status === 'running' && age - state.started_age >= deadline_ms
    })
    .map(({ id }) => id)
}

export function isExpired(record: WorkflowRecord, age: number): boolean {
  const { status, created_age, deadline_ms = Number.POSITIVE_INFINITY } = record
  return status === 'running' && age - created_age >= deadline_ms
}

/** Steps that need it may begin. */
function isSettled({ state, on_error }: StepRecord): boolean {
  return state.status === 'completed' || (state.status === 'failed' && on_error === 'continue')
}

function startedAt({ wall, age }: Moment): StepState {
  const work = { at: 'opening' } as const
  return { status: 'running', started_at: wall, started_age: age, starts: 0, work }
}

function completed(state: Running, cut: boolean, { wall }: Moment): StepState {
  const { started_at } = state
  return { status: 'completed', started_at, ended_at: wall, ...placeOf(state), cut }
}

function failed(state: Running, error: StepError, { wall }: Moment): StepState {
  const { started_at } = state
  return { status: 'failed', started_at, ended_at: wall, ...placeOf(state), error }
}

/** A step fails; unless it says otherwise, what has not begun never will. */
function failing(record: WorkflowRecord, id: string, error: StepError, at: Moment): WorkflowRecord {
  const after = ended(record, id, (state) => failed(state, error, at))
  const step = stepOf(record, id)
  if (after === record || step?.on_error !== 'fail' || after.reason !== '') return after
  return skipPending({ ...after, reason: `step ${id}: ${error.message}` }, at)
}

function expired(record: WorkflowRecord, error: StepError, at: Moment): WorkflowRecord {
  const reason = record.reason === '' ? error.message : record.reason
  return runningSteps(record).reduce(
    (after, { id }) => ended(after, id, (state) => failed(state, error, at)),
    skipPending({ ...record, reason }, at),
  )
}

function cancelled(record: WorkflowRecord, at: Moment): WorkflowRecord {
  const ended_at = at.wall
  const stopped = runningSteps(record).reduce(
    (after, { id }) =>
      ended(after, id, (state) => {
        return { status: 'cancelled', started_at: state.started_at, ended_at, ...placeOf(state) }
      }),
    record,
  )
  const steps = stopped.steps.map((step) => {
    return step.state.status === 'pending'
      ? { ...step, state: { status: 'cancelled', ended_at } as const }
      : step
  })
  return { ...stopped, steps, status: 'cancelled', ended_at }
}

function skipPending(record: WorkflowRecord, { wall }: Moment): WorkflowRecord {
  const steps = record.steps.map((step) => {
    return step.state.status === 'pending'
      ? { ...step, state: { status: 'skipped', ended_at: wall } as const }
      : step
  })
  return { ...record, steps }
}

/** Nothing runs and nothing waits: the execution has ended. */
function concluded(record: WorkflowRecord, { wall }: Moment): WorkflowRecord {
  const isOpen = record.steps.some(({ state }) => {
    return state.status === 'pending' || state.status === 'running'
  })
  if (isOpen || record.status !== 'running') return record
  return { ...record, status: record.reason === '' ? 'completed' : 'failed', ended_at: wall }
}

function runningSteps({ steps }: WorkflowRecord): readonly StepRecord[] {
  return steps.filter(({ state }) => state.status === 'running')
}

/** A running step ends, and its session is tidied up. */
function ended(
  record: WorkflowRecord,
  id: string,
  end: (state: Running) => StepState,
): WorkflowRecord {
  const step = stepOf(record, id)
  if (step?.state.status !== 'running') return record
  const state = end(step.state)
  const duty = dutyOf(step, step.state.work, state.status === 'completed')
  const after = withState(record, id, 'running', () => state)
  return duty ? { ...after, duties: [...after.duties, duty] } : after
}

/** A session of its own is stopped, or kept; a turn that still runs is interrupted. */
function dutyOf({ session: given, keep }: StepRecord, work: Work, isDone: boolean) {
  if (work.at === 'opening') return undefined
  const turn = work.at === 'turn' ? work.turn : 0
  const { session } = work
  if (given === undefined && !keep) return { kind: 'stop', session, turn } satisfies Duty
  if (isDone || turn === 0) return undefined
  return { kind: 'interrupt', session, turn } satisfies Duty
}

/** The session that is given up for another one. */
function reopening(record: WorkflowRecord, id: string): WorkflowRecord {
  const step = stepOf(record, id)
  if (step?.state.status !== 'running' || step.state.work.at !== 'session') return record
  const { session } = step.state.work
  return { ...record, duties: [...record.duties, { kind: 'stop', session, turn: 0 }] }
}

function withWork(record: WorkflowRecord, id: string, work: Work, starts: 0 | 1): WorkflowRecord {
  return withState(record, id, 'running', (state) => {
    return state.status === 'running' ? { ...state, work, starts: state.starts + starts } : state
  })
}

/** Changes the state of one step, if it is in the status that the change is for. */
function withState(
  record: WorkflowRecord,
  id: string,
  from: StepState['status'],
  change: (state: StepState) => StepState,
): WorkflowRecord {
  const step = stepOf(record, id)
  if (step?.state.status !== from) return record
  const changed = { ...step, state: change(step.state) }
  return { ...record, steps: record.steps.map((other) => (other === step ? changed : other)) }
}
