/** task.*: pieces of work that people and agents share: what is to be done, by whom, and how far it is. */

import { metadataSchema } from '../json.ts'
import { oneOf } from '../one-of.ts'
import { type Static, Type } from '../typebox.ts'
import { defineMethod } from './define.ts'

export const TASK_STATUSES = ['todo', 'in_progress', 'done', 'blocked'] as const
export type TaskStatus = (typeof TASK_STATUSES)[number]
const status = oneOf(TASK_STATUSES, 'todo, in_progress, done, blocked')

const text = (minLength: number, maxLength: number, description: string) =>
  Type.String({ minLength, maxLength, description })
const title = text(1, 1024, 'What is to be done, in a line')
const description = text(0, 65_536, 'The same at length')
const assigned_to = text(0, 256, 'Who does it: a session, a person; empty = nobody')
const priority = Type.Integer({
  minimum: -1_000_000,
  maximum: 1_000_000,
  description: 'Higher is more urgent; default 0',
})
const metadata = metadataSchema('What callers keep with it, at most 16 KiB as JSON')
const time = (when: string) => Type.Number({ description: `${when}, ms since 1970` })

const reference = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'Task id, or its first characters, at least 4',
})
const expected = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'The version it has to have; default: any',
  }),
)

export const TaskInfo = Type.Object(
  {
    task: Type.String({ description: 'Task id (a UUID)' }),
    title: Type.String({ description: 'What is to be done, in a line' }),
    description: Type.String({ description: 'The same at length; may be empty' }),
    status,
    assigned_to: Type.String({ description: 'Who does it; empty = nobody' }),
    priority,
    metadata,
    version: Type.Integer({ minimum: 1, description: 'Rises by one with each change' }),
    created_at: time('When it was created'),
    updated_at: time('When it last changed'),
    owner: Type.String({ description: 'Principal that created it' }),
  },
  { description: 'A task' },
)
export type TaskInfo = Static<typeof TaskInfo>

export const TaskCreate = defineMethod('task.create', {
  description: 'Adds a task.',
  answeredBy: 'broker',
  scope: 'control',
  mutating: true,
  params: Type.Object({
    title,
    description: Type.Optional(description),
    assigned_to: Type.Optional(assigned_to),
    priority: Type.Optional(priority),
    status: Type.Optional(status),
    metadata: Type.Optional(metadata),
  }),
  result: TaskInfo,
  errors: ['LIMIT_REACHED'],
})

export const TaskGet = defineMethod('task.get', {
  description: 'One task, as it is on disk.',
  answeredBy: 'broker',
  scope: 'read',
  mutating: false,
  params: Type.Object({ task: reference }),
  result: TaskInfo,
  errors: ['NO_SUCH_TASK', 'AMBIGUOUS_TASK'],
})

export const TaskList = defineMethod('task.list', {
  description:
    'Tasks as they are on disk, the one that changed last first. A page may hold fewer than `limit` when they are large: go on with `offset`.',
  answeredBy: 'broker',
  scope: 'read',
  mutating: false,
  params: Type.Object({
    status: Type.Optional(
      Type.Array(status, {
        minItems: 1,
        maxItems: TASK_STATUSES.length,
        description: 'Only these; default: all',
      }),
    ),
    assigned_to: Type.Optional(assigned_to),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'At most so many; default 100' }),
    ),
    offset: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Leave out so many of the first; default 0' }),
    ),
  }),
  result: Type.Object({
    tasks: Type.Array(TaskInfo, { description: 'The one that changed last first' }),
    total: Type.Integer({ minimum: 0, description: 'How many there are without limit and offset' }),
  }),
  errors: [],
})

const changeErrors = ['NO_SUCH_TASK', 'AMBIGUOUS_TASK', 'VERSION_CONFLICT'] as const

export const TaskUpdate = defineMethod('task.update', {
  description: 'Changes a task; what is not given stays as it is.',
  answeredBy: 'broker',
  scope: 'control',
  mutating: true,
  params: Type.Object({
    task: reference,
    version: expected,
    title: Type.Optional(title),
    description: Type.Optional(description),
    status: Type.Optional(status),
    assigned_to: Type.Optional(assigned_to),
    priority: Type.Optional(priority),
    metadata: Type.Optional(metadataSchema('Merged into that of the task (RFC 7386)')),
  }),
  result: TaskInfo,
  errors: [...changeErrors, 'LIMIT_REACHED'],
})

export const TaskApprove = defineMethod('task.approve', {
  description:
    'Approves a task, which is then in progress, or refuses it, which blocks it. Its metadata gets `approved` and `approval_timestamp` (seconds since 1970).',
  answeredBy: 'broker',
  scope: 'control',
  mutating: true,
  params: Type.Object({
    task: reference,
    approved: Type.Boolean({ description: 'Whether it may be done' }),
    version: expected,
  }),
  result: TaskInfo,
  errors: [...changeErrors, 'LIMIT_REACHED'],
})

export const TaskRemove = defineMethod('task.remove', {
  description: 'Removes a task.',
  answeredBy: 'broker',
  scope: 'control',
  mutating: true,
  params: Type.Object({ task: reference, version: expected }),
  result: Type.Object({
    task: Type.String({ description: 'Task id' }),
    title: Type.String({ description: 'The title it had' }),
  }),
  errors: changeErrors,
})
