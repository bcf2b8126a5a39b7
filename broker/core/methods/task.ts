/** task.*: what is to be done, by whom, and how far it is. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { newUuid } from '../../../protocol/ids.ts'
import type { Result } from '../../../protocol/methods/index.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { type EventOperation, event } from '../events.ts'
import { metadataOf } from '../metadata.ts'
import { onceWritten } from '../once-written.ts'
import { noSuchTask, patched, type TaskPatch, type TaskRecord, taskInfo } from '../tasks.ts'

const DEFAULT_LIMIT = 100

export function taskCreate(core: Core, call: Call<'task.create'>): void {
  const { description = '', assigned_to = '', priority = 0, status = 'todo' } = call.params
  const { title, metadata = {} } = call.params
  const now = core.clock.wall()
  const record = {
    ...{ task: newUuid(core.ports.random), title, description, status, assigned_to, priority },
    metadata: metadataOf(call.method, metadata),
    ...{ version: 1, created_at: now, updated_at: now, owner: call.identity.principal },
  }
  const { task } = record
  call.names({ target: task })
  const told = taskEvent('created', task, { title, status, assigned_to, version: 1 })
  save(core, call, { ...record, change: 0 }, told)
}

export function taskGet(core: Core, call: Call<'task.get'>): void {
  const task = core.tasks.resolve(call.params.task)
  const reply = () => {
    const record = core.tasks.durable(task)
    if (!record) throw noSuchTask(task)
    call.reply(taskInfo(record))
  }
  // Whoever was told of a change by a conflict shall see it.
  if (core.tasks.isStaged(task)) onceWritten(core, call, reply)
  else reply()
}

export function taskList(core: Core, call: Call<'task.list'>): void {
  const { status: statuses, assigned_to: assigned, limit = DEFAULT_LIMIT, offset = 0 } = call.params
  call.reply(core.tasks.page({ statuses, assigned, limit, offset }))
}

export function taskUpdate(core: Core, call: Call<'task.update'>): void {
  const { task: _, version: __, ...patch } = call.params
  change(core, call, patch)
}

export function taskApprove(core: Core, call: Call<'task.approve'>): void {
  const { approved } = call.params
  change(core, call, {
    status: approved ? 'in_progress' : 'blocked',
    metadata: { approved, approval_timestamp: Math.floor(core.clock.wall() / 1000) },
  })
}

function change(
  core: Core,
  call: Call<'task.update'> | Call<'task.approve'>,
  patch: TaskPatch,
): void {
  withTask(core, call, (record) => {
    const next = patched(call.method, record, patch, core.clock.wall())
    const { task, status, version, assigned_to } = next
    const data = { status, previous_status: record.status, version, assigned_to }
    save(core, call, next, taskEvent('updated', task, data))
  })
}

export function taskRemove(core: Core, call: Call<'task.remove'>): void {
  const { task: reference } = call.params
  if (core.tasks.isDamaged(reference)) remove(core, call, { task: reference, title: '' }, {})
  else {
    withTask(core, call, ({ task, title, status, version }) => {
      remove(core, call, { task, title }, { status, version })
    })
  }
}

function remove(
  core: Core,
  call: Call<'task.remove'>,
  result: Result<'task.remove'>,
  data: Readonly<Record<string, unknown>>,
): void {
  const { task } = result
  const { operation, written } = core.tasks.remove(task)
  call.persist(
    [operation, taskEvent('removed', task, data)],
    () => {
      written()
      call.reply(result)
    },
    result,
  )
}

type Saving = Call<'task.create'> | Call<'task.update'> | Call<'task.approve'>

function save(core: Core, call: Saving, record: TaskRecord, told: EventOperation): void {
  const { operation, written } = core.tasks.put(record)
  const result = taskInfo(record)
  call.persist(
    [operation, told],
    () => {
      written()
      call.reply(result)
    },
    result,
  )
}

type Changing = Call<'task.update'> | Call<'task.approve'> | Call<'task.remove'>

/** The task as of its last change, if it has the version that is asked for; it may have to wait for that. */
function withTask(core: Core, call: Changing, then: (record: TaskRecord) => void): void {
  const { version: expected } = call.params
  const task = core.tasks.resolve(call.params.task)
  const record = core.tasks.latest(task)
  if (record && (expected === undefined || expected === record.version)) {
    then(record)
    return
  }
  const durable = core.tasks.durable(task)
  // What came behind the one on disk is not written yet: it may fall back to it.
  const mayFallBack = durable && (expected === undefined || expected === durable.version)
  if (core.tasks.isStaged(task) && mayFallBack) {
    onceWritten(core, call, () => withTask(core, call, then))
    return
  }
  if (!record) throw noSuchTask(task)
  const { version } = record
  throw new ProtocolError('VERSION_CONFLICT', { key: task, version, expected: expected ?? version })
}

function taskEvent(
  name: 'created' | 'updated' | 'removed',
  task: string,
  data: Readonly<Record<string, unknown>>,
): EventOperation {
  return event({ topic: 'task', event: name, id: task, data: { task, ...data } })
}
