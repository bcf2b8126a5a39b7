/** workflow.execute, get, list and cancel. What runs them is in core/workflows/. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { newUuid } from '../../../protocol/ids.ts'
import {
  DEFAULT_PAGE,
  DEFAULT_PARALLEL,
  type WorkflowInfo,
} from '../../../protocol/methods/workflow.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { orFail } from '../once-written.ts'
import { visible } from '../visible.ts'
import { graphProblem } from '../workflows/graph.ts'
import { type StepRecord, type WorkflowRecord, workflowInfo } from '../workflows/record.ts'
import type { Run } from '../workflows/run.ts'
import { readOutput, saveTexts } from '../workflows/store.ts'

/** Largest page of `workflow.list`, bytes as JSON; a failed step may say why in a kilobyte. */
const MAX_PAGE_BYTES = 1024 * 1024

export function workflowExecute(core: Core, call: Call<'workflow.execute'>): void {
  const { steps, inputs = {} } = call.params
  const problem = graphProblem(steps, new Set(Object.keys(inputs)))
  if (problem !== undefined) {
    throw new ProtocolError('INVALID_PARAMS', { method: call.method, reason: problem })
  }
  const record = newRecord(core, call)
  const texts = {
    steps: steps.map(({ prompt, start }) => ({ prompt, ...(start && { start }) })),
    inputs,
  }
  const { operations, confirm } = core.workflows.begin(record)
  const info = workflowInfo(record)
  const all = [...operations, saveTexts(record.execution, texts)]
  // With the record its answer is certain: a repeat that finds the broker restarted gets it.
  const begun = (): void => {
    confirm()
    call.reply(info)
  }
  call.names({ target: record.execution })
  call.persist(all, begun, info)
}

function newRecord(core: Core, call: Call<'workflow.execute'>): WorkflowRecord {
  const { name = '', steps, max_parallel = DEFAULT_PARALLEL, deadline_ms } = call.params
  return {
    execution: newUuid(core.ports.random),
    name,
    owner: call.identity.principal,
    trace: call.trace,
    max_parallel,
    ...(deadline_ms !== undefined && { deadline_ms }),
    created_at: core.clock.wall(),
    created_age: core.age,
    status: 'running',
    reason: '',
    steps: steps.map(stepRecord),
    duties: [],
  }
}

type Step = Call<'workflow.execute'>['params']['steps'][number]

function stepRecord({ id, needs, session, on_error, keep, deadline_ms }: Step): StepRecord {
  return {
    id,
    needs: [...new Set(needs)],
    ...(session !== undefined && { session }),
    on_error: on_error ?? 'fail',
    keep: keep ?? false,
    ...(deadline_ms !== undefined && { deadline_ms }),
    state: { status: 'pending' },
  }
}

export function workflowGet(core: Core, call: Call<'workflow.get'>): void {
  const { execution } = call.params
  whenOnDisk(core, call, [visible(core, call).workflow(execution)], ([record]) => {
    if (!record) throw new ProtocolError('NO_SUCH_WORKFLOW', { execution })
    call.reply(wholeInfo(core, record))
  })
}

/** What was told is not taken back by a restart, and an output that is told of can be read. */
function whenOnDisk(
  core: Core,
  call: Call<'workflow.get'> | Call<'workflow.list'>,
  runs: readonly Run[],
  tell: (records: readonly WorkflowRecord[]) => void,
): void {
  const records = core.workflows.left(runs)
  if (runs.every(({ writing }) => writing === 0)) tell(records)
  else {
    core.batch.add([], (error) => {
      orFail(call, () => tell(error ? core.workflows.left(runs) : records))
    })
  }
}

function wholeInfo({ journal }: Core, record: WorkflowRecord): WorkflowInfo {
  return workflowInfo(record, (_, index) => readOutput(journal, record.execution, index))
}

export function workflowList(core: Core, call: Call<'workflow.list'>): void {
  const { status, limit = DEFAULT_PAGE, offset = 0 } = call.params
  const fitting = visible(core, call)
    .workflows()
    .filter(({ record }) => status === undefined || status.includes(record.status))
  whenOnDisk(core, call, page(fitting.slice(offset, offset + limit)), (records) => {
    call.reply({ workflows: records.map((record) => workflowInfo(record)), total: fitting.length })
  })
}

/** As many as fit, and at least one. */
function page(runs: readonly Run[]): readonly Run[] {
  let bytes = 0
  const over = runs.findIndex(({ record }, index) => {
    bytes += Buffer.byteLength(JSON.stringify(workflowInfo(record)))
    return bytes > MAX_PAGE_BYTES && index > 0
  })
  return over === -1 ? runs : runs.slice(0, over)
}

export function workflowCancel(core: Core, call: Call<'workflow.cancel'>): void {
  const run = visible(core, call).workflow(call.params.execution)
  if (run.record.status === 'running') core.workflows.change(run, [{ type: 'cancelled' }])
  call.persist([], () => call.reply(wholeInfo(core, run.record)))
}
