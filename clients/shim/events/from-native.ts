/** Native events as the old event clients know them, in one table. Pure. */
import { createHash } from 'node:crypto'
import type { SessionStatus, StreamChunk } from '../../sdk/index.ts'
import { rfc3339, unixSeconds } from '../legacy/times.ts'
import { type AgentStatus, agentStatus } from './agent-status.ts'
import type { DescartesEvent } from './descartes-event.ts'

export type NativeEvent = Extract<StreamChunk, { type: 'event' }>

type Data = Readonly<Record<string, unknown>>
/** One event of an old kind, without what all have. */
interface Told {
  readonly event_type: string
  readonly data: Data
}

/** Most native events are one; the end of an agent is two; some have no old kind, and are none. */
export function descartesEvents(native: NativeEvent): readonly DescartesEvent[] {
  return TOPICS[native.topic](native)
}

const TOPICS: {
  readonly [T in NativeEvent['topic']]: (native: NativeEvent) => readonly DescartesEvent[]
} = {
  session: (native) =>
    sessionEvents(native).map((told, n) => ({
      type: 'AgentEvent',
      data: { ...common(native, n), agent_id: native.id, ...told },
    })),
  task: (native) =>
    taskEvents(native).map((told, n) => ({
      type: 'TaskEvent',
      data: {
        ...common(native, n),
        task_id: native.id,
        agent_id: text(native.data['assigned_to']) || null,
        ...told,
      },
    })),
  workflow: (native) =>
    workflowEvents(native).map((told, n) => ({
      type: 'WorkflowEvent',
      data: {
        ...common(native, n),
        workflow_id: text(native.data['workflow']) || native.id,
        execution_id: native.id,
        ...told,
      },
    })),
  state: (native) => {
    // What the shim itself keeps there is nobody's news.
    if (native.id.startsWith('shim/') || !STATE_KINDS.has(native.event)) return []
    const told = { event_type: native.event, data: native.data }
    return [
      {
        type: 'StateEvent',
        data: { ...common(native, 0), agent_id: null, key: native.id, ...told },
      },
    ]
  },
  host: (native) => {
    const event_type = HOST_KINDS[native.event]
    if (event_type === undefined) return []
    const data = { host: native.id, ...native.data }
    return [{ type: 'SystemEvent', data: { ...common(native, 0), event_type, data } }]
  },
  system: (native) => {
    if (native.event !== 'started') return []
    const { data } = native
    return [
      { type: 'SystemEvent', data: { ...common(native, 0), event_type: 'daemon_started', data } },
    ]
  },
}

const STATE_KINDS: ReadonlySet<string> = new Set(['created', 'updated', 'deleted'])

const HOST_KINDS: Readonly<Record<string, string>> = {
  online: 'connection_established',
  offline: 'connection_closed',
}

function sessionEvents({ event, data }: NativeEvent): readonly Told[] {
  switch (event) {
    case 'created': {
      const { name, backend, metadata } = data
      const task = text((metadata as Data | undefined)?.['task'])
      return [{ event_type: 'spawned', data: { name, task, model_backend: backend } }]
    }
    case 'started':
      return [{ event_type: 'started', data: { lifecycle_event: 'Started', ...data } }]
    case 'paused':
      return [
        { event_type: 'paused', data: { lifecycle_event: 'Paused', ...data } },
        { event_type: 'status_changed', data: { status: 'paused' } },
      ]
    case 'resumed':
      return [
        { event_type: 'resumed', data: { lifecycle_event: 'Resumed', ...data } },
        { event_type: 'status_changed', data: { status: 'running' } },
      ]
    case 'status':
      return statusEvents(data)
    default:
      return []
  }
}

function statusEvents(data: Data): readonly Told[] {
  const status = statusOf(data, data['status'])
  const previous = data['previous'] === undefined ? undefined : statusOf(data, data['previous'])
  const { reason, exit_code, signal } = data
  const why = reason === undefined ? {} : { reason }
  const changed = { event_type: 'status_changed', data: { status, ...why } }
  const end = { exit_code, signal, ...why }
  switch (data['status']) {
    case 'ended':
      return [changed, { event_type: status === 'completed' ? 'completed' : 'killed', data: end }]
    case 'failed':
      return [changed, { event_type: 'failed', data: { error: text(reason), ...end } }]
    default:
      // Idle and running are one status to old clients.
      return status === previous ? [] : [changed]
  }
}

function statusOf({ paused, exit_code }: Data, status: unknown): AgentStatus {
  const code = typeof exit_code === 'number' ? exit_code : null
  return agentStatus(status as SessionStatus, text(paused) !== '', code)
}

function taskEvents({ event, data, time }: NativeEvent): readonly Told[] {
  const timestamp = unixSeconds(time)
  const status = debugName(data['status'])
  switch (event) {
    case 'created':
      return [
        { event_type: 'created', data: { change_type: 'created', task: null, status, timestamp } },
      ]
    case 'updated': {
      const previous_status = debugName(data['previous_status'])
      const change = { change_type: 'updated', task: null, previous_status, new_status: status }
      const told = [{ event_type: 'progress', data: { ...change, timestamp } }]
      const isDone = status === 'Done' && previous_status !== 'Done'
      return isDone ? [...told, { event_type: 'completed', data: { ...change, timestamp } }] : told
    }
    case 'removed':
      return [{ event_type: 'cancelled', data: { change_type: 'deleted', timestamp } }]
    default:
      return []
  }
}

const WORKFLOW_KINDS: Readonly<Record<string, string>> = {
  started: 'started',
  step_completed: 'step_completed',
  step_failed: 'step_completed',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'failed',
}

/** There was no word for a step that failed or an execution that was cancelled: the status in it says so. */
function workflowEvents({ event, data }: NativeEvent): readonly Told[] {
  const event_type = WORKFLOW_KINDS[event]
  if (event_type === undefined) return []
  return [{ event_type, data: { ...data, status: event.replace('step_', '') } }]
}

/** As Rust's debug format prints it: `in_progress` is `InProgress`. */
function debugName(status: unknown): string {
  return text(status).replace(/(^|_)([a-z])/g, (_all, _gap, letter: string) => letter.toUpperCase())
}

/** The same event has the same id for every client, and again after a restart. */
function common({ seq, time }: NativeEvent, n: number) {
  const hash = createHash('sha256').update(`${seq}/${time}/${n}`).digest('hex')
  const groups = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(hash) ?? []
  const [, a, b, c, d, e] = groups
  return { id: `${a}-${b}-8${c}-8${d}-${e}`, timestamp: rfc3339(time) }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
