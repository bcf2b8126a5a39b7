/** What readers hear of an execution: events on its own stream and on `@events`. */
import { EVENTS, type Event, type EventOperation, event } from '../events.ts'
import { placeOf, type StepRecord, type WorkflowRecord } from './record.ts'

const PREFIX = '@workflow/'

/** The stream of one execution. */
export function streamOfWorkflow(execution: string): string {
  return PREFIX + execution
}

/** The execution whose stream this is; undefined for another stream. */
export function executionOf(stream: string): string | undefined {
  return stream.startsWith(PREFIX) ? stream.slice(PREFIX.length) : undefined
}

/** What a change of the record tells; `before` is absent for a new one. */
export function progress(
  before: WorkflowRecord | undefined,
  after: WorkflowRecord,
): EventOperation[] {
  const told = tidings(before, after)
  const { execution, name } = after
  return told.flatMap(([what, data]) => {
    const body: Event = {
      topic: 'workflow',
      event: what,
      id: execution,
      data: { workflow: name, ...data },
    }
    return [event(body, streamOfWorkflow(execution)), event(body, EVENTS)]
  })
}

type Tiding = readonly [what: string, data: Readonly<Record<string, unknown>>]

function tidings(before: WorkflowRecord | undefined, after: WorkflowRecord): Tiding[] {
  const steps = after.steps.flatMap((step, index) => stepTidings(before?.steps[index], step))
  const first: Tiding[] = before ? [] : [['started', { steps: after.steps.map(({ id }) => id) }]]
  const hasEnded = after.status !== 'running' && before?.status === 'running'
  const { status, reason } = after
  const last: Tiding[] = hasEnded ? [[status, { ...(reason !== '' && { reason }) }]] : []
  return [...first, ...steps, ...last]
}

function stepTidings(before: StepRecord | undefined, { id, state }: StepRecord): Tiding[] {
  if (!before || before.state.status === state.status) return []
  const data = { step: id, ...placeOf(state) }
  switch (state.status) {
    case 'running':
      return [['step_started', data]]
    case 'completed':
      return [['step_completed', data]]
    case 'failed':
      return [['step_failed', { ...data, error: state.error }]]
    default:
      return []
  }
}
