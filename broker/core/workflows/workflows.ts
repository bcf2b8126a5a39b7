/**
 * Executions of workflows. Each look at one compares its record with the sessions and does what is due, so
 * that a restart or a failed write needs no case of its own: it looks again. The record is written together
 * with what it tells of, such as the prompt of a step, so that nothing is done twice.
 */
import { ProtocolError } from '../../../protocol/errors.ts'
import { CHUNK_CODES } from '../../../protocol/messages/chunk.ts'
import type { WorkflowStatus } from '../../../protocol/methods/workflow.ts'
import type { StoredChunk } from '../../journal/journal.ts'
import type { Core } from '../core.ts'
import type { Operation } from '../events.ts'
import { fairShare, Shares } from '../shares.ts'
import type { Sight } from '../sight.ts'
import { tidyUp } from './duties.ts'
import type { WorkflowLimits } from './limits.ts'
import { progress, streamOfWorkflow } from './progress.ts'
import { isActive, type WorkflowRecord } from './record.ts'
import { concerns, newRun, type Run } from './run.ts'
import { due, isExpired, next, overdue, type WorkflowEvent } from './schedule.ts'
import { goOn } from './steps.ts'
import { dropWorkflow, saveWorkflow } from './store.ts'

/** After a failed write, ms. */
const RETRY_MS = 1000
/** Between looks for executions that are too old or too many, ms. */
const SWEEP_MS = 1000
/** Shortest prefix of an id that counts as a reference. */
const MIN_PREFIX = 4

/** Chunks after which a step may go on. */
const NEWS: ReadonlySet<number> = new Set([
  CHUNK_CODES.turn_complete,
  CHUNK_CODES.complete,
  CHUNK_CODES.status,
])

const ONE = { records: 1, bytes: 0 }

type Settled = (error: Error | undefined) => void

export class Workflows {
  readonly #core: Core
  readonly limits: WorkflowLimits
  /** In the order in which they began. */
  readonly #runs = new Map<string, Run>()
  readonly #active = new Set<Run>()
  readonly #dirty = new Set<Run>()
  #sweepAt = 0

  constructor(core: Core, limits: WorkflowLimits) {
    this.#core = core
    this.limits = limits
  }

  /** What an earlier life of the broker has written. */
  restore(): void {
    const { age } = this.#core
    const records = [...this.#core.journal.entries('workflows')]
      .map(({ value }) => rebased(value as WorkflowRecord, age))
      .sort((a, b) => a.created_at - b.created_at)
    for (const record of records) this.#add(record)
  }

  /** A new execution, and what has to be written for it; `confirm` is called when that is on disk. */
  begin(record: WorkflowRecord): { operations: Operation[]; confirm: () => void } {
    this.#requireRoom(record.owner)
    const run = this.#add(record)
    run.writing += 1
    const confirm = (): void => {
      run.writing -= 1
      this.wake(run)
    }
    return { operations: [saveWorkflow(record), ...progress(undefined, record)], confirm }
  }

  /** Throws TOO_MANY_WORKFLOWS when there is no room for one more, or its owner has its share. */
  #requireRoom(owner: string): void {
    const { maxRunning } = this.limits
    const running = [...this.#runs.values()].filter(({ record }) => record.status === 'running')
    if (running.length >= maxRunning) {
      throw new ProtocolError('TOO_MANY_WORKFLOWS', { limit: maxRunning })
    }
    const shares = new Shares(this.#core.shareRule)
    for (const { record } of running) shares.add(record.owner, ONE)
    const most = { records: maxRunning, bytes: 0 }
    if (!shares.isOver(owner, ONE, most)) return
    const { records: limit } = shares.limitOf(most)
    const message = `${owner} has its share of ${limit} workflow executions that have not ended`
    throw new ProtocolError('TOO_MANY_WORKFLOWS', { limit }, { message })
  }

  count(status: WorkflowStatus): number {
    let count = 0
    for (const { record } of this.#runs.values()) if (record.status === status) count += 1
    return count
  }

  /** Newest first. */
  all(): Run[] {
    return [...this.#runs.values()].reverse()
  }

  /** Of those that are still there, which they are not when they could not be written. */
  left(runs: readonly Run[]): WorkflowRecord[] {
    return runs.map(({ record }) => record).filter(({ execution }) => this.#runs.has(execution))
  }

  get(execution: string): Run | undefined {
    return this.#runs.get(execution)
  }

  /** By id, or by a prefix that fits one only, among those that the caller sees. Throws NO_SUCH_WORKFLOW. */
  resolve(reference: string, { sees }: Sight): Run {
    const exact = this.#runs.get(reference)
    if (exact && sees(exact.record.owner)) return exact
    const fitting =
      reference.length < MIN_PREFIX
        ? []
        : [...this.#runs.values()].filter(
            ({ record }) => record.execution.startsWith(reference) && sees(record.owner),
          )
    const [only] = fitting
    if (only && fitting.length === 1) return only
    throw new ProtocolError('NO_SUCH_WORKFLOW', { execution: reference })
  }

  /** Changes the record and writes it, together with other operations. `settled` hears how that went. */
  change(
    run: Run,
    events: readonly WorkflowEvent[],
    operations: readonly Operation[] = [],
    settled: Settled = () => {},
  ): void {
    const { batch, clock, age } = this.#core
    const before = run.record
    const at = { wall: clock.wall(), age }
    const after = events.reduce((record, event) => next(record, event, at), before)
    run.record = after
    this.#classify(run)
    run.writing += 1
    batch.add([...operations, saveWorkflow(after), ...progress(before, after)], (error) => {
      run.writing -= 1
      settled(error)
      this.wake(run)
    })
  }

  /** Looks at it again soon. */
  wake(run: Run): void {
    if (this.#active.has(run)) this.#dirty.add(run)
  }

  /** Chunks of a session are on disk. */
  heard(session: string, chunks: readonly StoredChunk[]): void {
    if (this.#active.size === 0 || !chunks.some(({ type }) => NEWS.has(type))) return
    for (const run of this.#active) if (concerns(run, session)) this.#dirty.add(run)
  }

  /** Does what has become due since the last time; called when a write has been settled. */
  turn(): void {
    if (this.#dirty.size === 0) return
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    for (const run of dirty) this.#look(run)
  }

  tick(): void {
    for (const run of this.#active) this.#look(run)
    this.#sweep()
  }

  /** A write failed: memory falls back to what is on disk. */
  rewind(): void {
    const retryAt = this.#core.clock.now() + RETRY_MS
    for (const run of [...this.#runs.values()]) {
      if (!this.#active.has(run) && run.writing === 0) continue
      run.retryAt = retryAt
      this.#rewindRun(run)
    }
  }

  #rewindRun(run: Run): void {
    const stored = storedOf(this.#core, run.record)
    run.outputs.clear() // what was read to its end may have to be read again
    if (stored === undefined) {
      this.#forget(run)
      return
    }
    run.record = rebased(stored as WorkflowRecord, this.#core.age)
    this.#classify(run)
  }

  #add(record: WorkflowRecord): Run {
    const run = newRun(record)
    this.#runs.set(record.execution, run)
    this.#classify(run)
    return run
  }

  #classify(run: Run): void {
    if (isActive(run.record)) this.#active.add(run)
    else this.#active.delete(run)
  }

  #forget(run: Run): void {
    this.#runs.delete(run.record.execution)
    this.#active.delete(run)
    this.#dirty.delete(run)
    this.#core.streams.forget(streamOfWorkflow(run.record.execution))
  }

  #look(run: Run): void {
    if (run.writing > 0 || this.#core.isDraining || this.#core.clock.now() < run.retryAt) return
    try {
      if (run.record.status === 'running') this.#advance(run)
      if (run.writing === 0) tidyUp(this.#core, run)
    } catch (thrown) {
      run.retryAt = this.#core.clock.now() + RETRY_MS
      this.#core.defect(thrown)
    }
  }

  #advance(run: Run): void {
    const { age } = this.#core
    const error = { code: 'DEADLINE_EXCEEDED', message: 'the deadline passed' }
    if (isExpired(run.record, age)) {
      this.change(run, [{ type: 'expired', error }])
      return
    }
    if (run.record.steps.length === 0) {
      this.change(run, [{ type: 'empty' }])
      return
    }
    const late = overdue(run.record, age)
    if (late.length > 0) {
      this.change(
        run,
        late.map((step) => ({ type: 'failed', step, error })),
      )
      return
    }
    if (run.record.steps.length === 0) this.change(run, [{ type: 'begun' }])
    goOn(this.#core, run)
    const ready = run.writing === 0 ? due(run.record) : []
    if (ready.length > 0)
      this.change(
        run,
        ready.map((step) => ({ type: 'started', step })),
      )
  }

  /** Removes what ended long ago, and the oldest of too many, of whoever has most. */
  #sweep(): void {
    const { clock, wallForAges } = this.#core
    if (clock.now() < this.#sweepAt) return
    this.#sweepAt = clock.now() + SWEEP_MS
    const over = [...this.#runs.values()].filter((run) => !this.#active.has(run))
    const byOwner = new Map<string, Run[]>()
    for (const run of over) {
      const theirs = byOwner.get(run.record.owner)
      if (theirs) theirs.push(run)
      else byOwner.set(run.record.owner, [run])
    }
    const most = fairShare(
      [...byOwner.values()].map(({ length }) => length),
      this.limits.maxEnded,
    )
    for (const runs of byOwner.values()) {
      for (const [index, run] of runs.entries()) {
        const age = wallForAges - (run.record.ended_at ?? 0)
        if (runs.length - index > most || age >= this.limits.endedAgeMs) this.#remove(run)
      }
    }
  }

  #remove(run: Run): void {
    if (run.writing > 0) return
    const { record } = run
    const { batch, streams, tickets } = this.#core
    run.writing += 1
    batch.free(dropWorkflow(record), (error) => {
      run.writing -= 1
      if (error) return // the next sweep tries again
      const stream = streamOfWorkflow(record.execution)
      const { execution } = record
      streams.end(stream, new ProtocolError('NO_SUCH_WORKFLOW', { execution }))
      tickets.sessionEnded(stream)
      this.#forget(run)
    })
  }
}

/** A damaged record is not absent: then memory is all there is. */
function storedOf({ journal, ports }: Core, record: WorkflowRecord): unknown {
  try {
    return journal.get('workflows', record.execution)
  } catch (thrown) {
    ports.log('workflow not rewound', { execution: record.execution, error: String(thrown) })
    return record
  }
}

/** The clock of ages may have begun below where the last one ended: no time has passed then. */
function rebased(record: WorkflowRecord, age: number): WorkflowRecord {
  return {
    ...record,
    created_age: Math.min(record.created_age, age),
    steps: record.steps.map((step) => {
      const { state } = step
      if (state.status !== 'running') return step
      return { ...step, state: { ...state, started_age: Math.min(state.started_age, age) } }
    }),
  }
}
