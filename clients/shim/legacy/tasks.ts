/** list_tasks and approve over the tasks of the broker. */
import type { Params, Result } from '../../sdk/index.ts'
import { isCode } from './failures.ts'
import { isMap, type JsonValue } from './json/value.ts'
import type { LegacyPorts } from './ports.ts'
import { badPositional } from './rpc-error.ts'
import { unixSeconds } from './times.ts'

type TaskInfo = Result<'task.list'>['tasks'][number]
type TaskStatus = TaskInfo['status']

const NAMES: Readonly<Record<TaskStatus, string>> = {
  todo: 'Todo',
  in_progress: 'InProgress',
  done: 'Done',
  blocked: 'Blocked',
}
const STATUSES = Object.keys(NAMES) as TaskStatus[]
const PAGE = 1000
/** Most tasks of one answer, newest change first. */
const MAX_TASKS = 10_000

/** `filter` reads `status` and `assigned_to`, if they are strings. */
export async function listTasks(ports: LegacyPorts, filter: JsonValue): Promise<object[]> {
  const asked = filterOf(filter)
  if (asked === undefined) return []
  const found = new Map<string, TaskInfo>()
  for (let offset = 0; offset < MAX_TASKS; ) {
    const { tasks, total } = await ports.client.call('task.list', {
      ...asked,
      limit: PAGE,
      offset,
    })
    for (const task of tasks) found.set(task.task, task)
    offset += tasks.length
    if (tasks.length === 0 || offset >= total) break
  }
  return [...found.values()].map(legacyTask)
}

/** Undefined when no task can fit. Spelling of a status: as in `InProgress` or `in_progress`, in any case. */
function filterOf(filter: JsonValue): Params<'task.list'> | undefined {
  const members = isMap(filter) ? filter : undefined
  const status = members?.get('status')
  const assigned_to = members?.get('assigned_to')
  const wanted = typeof status === 'string' ? statusOf(status) : undefined
  if (typeof status === 'string' && wanted === undefined) return undefined
  return {
    ...(wanted !== undefined && { status: [wanted] }),
    ...(typeof assigned_to === 'string' && { assigned_to }),
  }
}

function statusOf(text: string): TaskStatus | undefined {
  const plain = (name: string) => name.toLowerCase().replaceAll('_', '')
  return STATUSES.find((status) => plain(status) === plain(text))
}

function legacyTask({ task, title, status, created_at, updated_at }: TaskInfo): object {
  return {
    created_at: unixSeconds(created_at),
    id: task,
    name: title,
    status: NAMES[status],
    updated_at: unixSeconds(updated_at),
  }
}

/** `task` in its hyphenated form, `asSent` for people. */
export async function approveTask(
  { client, wall }: LegacyPorts,
  task: string,
  asSent: string,
  approved: boolean,
): Promise<object> {
  try {
    await client.call('task.approve', { task, approved })
  } catch (thrown) {
    if (isCode(thrown, 'NO_SUCH_TASK')) throw badPositional(`Task not found: ${asSent}`)
    throw thrown
  }
  return { approved, task_id: asSent, timestamp: unixSeconds(wall()) }
}

/** How many there are, in all and by status. */
export async function countTasks({
  client,
}: LegacyPorts): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = { total: 0 }
  for (const status of STATUSES) {
    const { total } = await client.call('task.list', { status: [status], limit: 1 })
    counts[status] = total
    counts['total'] = (counts['total'] ?? 0) + total
  }
  return counts
}
