/** What a running step does next: its session, its prompt, its output. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { CHUNK_CODES } from '../../../protocol/messages/chunk.ts'
import type { Core } from '../core.ts'
import type { Operation } from '../events.ts'
import { sessionCreate } from '../methods/session-create.ts'
import { sessionPrompt } from '../methods/session-prompt.ts'
import type { SessionRecord } from '../sessions.ts'
import { subCall } from '../sub-call.ts'
import { parentOf, sessionFor } from './asking.ts'
import { fail, refused, wait } from './patience.ts'
import { promptOf } from './prompt.ts'
import { type StepRecord, type StepState, stepOf, type Work } from './record.ts'
import { isRunning, type Run } from './run.ts'
import { readTexts, saveOutput } from './store.ts'
import { TurnOutput } from './turn-output.ts'

type Running = Extract<StepState, { status: 'running' }>
type AtTurn = Extract<Work, { at: 'turn' }>

/** Time that the host has for the start of a process, ms; its own limit is as long by default. */
const START_MS = 60_000

/** Each running step, as far as it can go at once. */
export function goOn(core: Core, run: Run): void {
  for (const { id } of run.record.steps) {
    const step = stepOf(run.record, id)
    if (step?.state.status !== 'running') continue
    try {
      stepOn(core, run, step, step.state)
    } catch (thrown) {
      const error = ProtocolError.from(thrown, 'broker', 'no')
      if (error.code === 'INTERNAL') core.defect(thrown)
      fail(core, run, id, error)
    }
  }
}

function stepOn(core: Core, run: Run, step: StepRecord, state: Running): void {
  const { work } = state
  if (work.at === 'turn') {
    collect(core, run, step, work)
    return
  }
  const { nextAt = 0 } = run.waits.get(step.id) ?? {}
  if (run.asking.has(step.id) || core.clock.now() < nextAt) return
  if (work.at === 'session') begin(core, run, step, state, work.session)
  else if (step.session === undefined) open(core, run, step)
  else ask(core, run, step, step.session)
}

/** Starts a session for the step; the session and the step are written as one. */
function open(core: Core, run: Run, { id }: StepRecord): void {
  const params = readTexts(core.journal, run.record.execution)?.steps[indexOf(run, id)]?.start
  if (!params) throw new ProtocolError('STORAGE_FAILED', { reason: 'what to start is not there' })
  const parent = parentOf(core, run, id, START_MS)
  run.asking.add(id)
  let session = ''
  subCall(
    core,
    parent,
    { method: 'session.create', params },
    sessionCreate,
    (error) => {
      run.asking.delete(id)
      if (error && hasSession(run, id, session)) run.failures.set(session, error)
      else if (error) refused(core, run, id, error)
      core.workflows.wake(run)
    },
    (operations, settled) => {
      session = createdSession(operations)
      run.waits.delete(id)
      core.workflows.change(run, [{ type: 'opened', step: id, session }], operations, settled)
    },
  )
}

/** Its own session is there, or was: gives it the prompt. */
function begin(core: Core, run: Run, step: StepRecord, { starts }: Running, session: string): void {
  const record = sessionFor(core, run, session)
  if (record.status === 'lost') awaitHost(core, run, step.id, record)
  else if (record.status === 'failed') anew(core, run, step.id, record, starts)
  else if (record.status !== 'starting') ask(core, run, step, session)
}

/** A host or a broker that went away costs a session, but not the step. */
function anew(core: Core, run: Run, step: string, record: SessionRecord, starts: number): void {
  const { session, reason } = record
  const failure =
    run.failures.get(session) ?? new ProtocolError('AGENT_GONE', { session, how: reason })
  run.failures.delete(session)
  const isTheirFault = failure.code !== 'HOST_LOST' && failure.code !== 'AGENT_GONE'
  if (isTheirFault || starts >= core.workflows.limits.maxStarts) fail(core, run, step, failure)
  else core.workflows.change(run, [{ type: 'reopened', step }])
}

/** The prompt and the step are written as one. */
function ask(core: Core, run: Run, step: StepRecord, session: string): void {
  const { id } = step
  const text = promptOf(core, run.record, step)
  const parent = parentOf(core, run, id)
  run.asking.add(id)
  subCall(
    core,
    parent,
    { method: 'session.prompt', params: { session, text } },
    sessionPrompt,
    (error) => {
      run.asking.delete(id)
      // One that is in the stream ends there, whatever became of the request.
      if (error && isRunning(run, id) && !hasTurn(run, id)) refused(core, run, id, error)
      core.workflows.wake(run)
    },
    (operations, settled) => {
      run.waits.delete(id)
      const asked = { type: 'asked', step: id, ...promptPlace(operations) } as const
      core.workflows.change(run, [asked], operations, settled)
    },
  )
}

/** Waits for the end of the turn, and reads what it said. */
function collect(core: Core, run: Run, { id }: StepRecord, work: AtTurn): void {
  const { session, turn } = work
  const record = sessionFor(core, run, session)
  if (record.open.some((open) => open.turn === turn)) {
    if (record.status === 'lost') awaitHost(core, run, id, record)
    else run.waits.delete(id)
    return
  }
  const output = run.outputs.get(id) ?? new TurnOutput(work)
  run.outputs.set(id, output)
  const outcome = output.read(core.journal, core.streams.durableOf(session))
  if (outcome === 'more') return
  if (outcome === 'behind') {
    if (!core.streams.isSettled(session)) return
    const reason = `the end of turn ${turn} of session ${session} is not there`
    throw new ProtocolError('STORAGE_FAILED', { reason })
  }
  run.outputs.delete(id)
  const { reason, text, cut, failure } = outcome
  if (reason === 'end_turn') {
    const saved = saveOutput(run.record.execution, indexOf(run, id), text)
    core.workflows.change(run, [{ type: 'completed', step: id, cut }], [saved])
    return
  }
  const why = failure === '' ? reason : `${reason}: ${failure}`
  fail(core, run, id, new ProtocolError('TURN_FAILED', { session, turn, reason: why }))
}

/** Its host is away: for a while that is nothing. */
function awaitHost(core: Core, run: Run, step: string, { host }: SessionRecord): void {
  if (wait(core, run, step, 'hostWaitMs') < core.workflows.limits.hostWaitMs) return
  const name = core.hosts.get(host)?.registration.name ?? host
  fail(core, run, step, new ProtocolError('HOST_LOST', { host: name }))
}

function indexOf(run: Run, step: string): number {
  return run.record.steps.findIndex(({ id }) => id === step)
}

function hasSession(run: Run, step: string, session: string): boolean {
  const state = stepOf(run.record, step)?.state
  return (
    state?.status === 'running' && state.work.at === 'session' && state.work.session === session
  )
}

function hasTurn(run: Run, step: string): boolean {
  const state = stepOf(run.record, step)?.state
  return state?.status === 'running' && state.work.at === 'turn'
}

/** The session that is created by these operations. */
function createdSession(operations: readonly Operation[]): string {
  for (const operation of operations) {
    if (operation.op === 'put' && operation.table === 'sessions') return operation.key
  }
  throw missing('session.create wrote no session')
}

/** Where these operations put a prompt. */
function promptPlace(operations: readonly Operation[]) {
  for (const operation of operations) {
    if (operation.op !== 'append' || operation.chunk.type !== CHUNK_CODES.prompt) continue
    const { session, chunk } = operation
    return { session, turn: chunk.turn, sequence: chunk.sequence }
  }
  throw missing('session.prompt wrote no prompt')
}

function missing(reason: string): ProtocolError {
  return new ProtocolError('INTERNAL', { reason })
}
