/** The tasks: all of them in memory, those on disk in the order of their changes. */
import { ProtocolError } from '../../protocol/errors.ts'
import { type JsonObject, jsonBytes, mergePatch } from '../../protocol/json.ts'
import type { Params, Result } from '../../protocol/methods/index.ts'
import type { TaskInfo, TaskStatus } from '../../protocol/methods/task.ts'
import type { Journal, JournalOperation } from '../journal/journal.ts'
import { metadataOf, requireSmall } from './metadata.ts'
import type { ShareRule } from './shares.ts'
import { type TableLimits, VersionedTable } from './versioned.ts'

export const TASK_LIMITS: TableLimits = {
  maxRecords: 10_000, // what people still look through; done ones can be removed
  maxBytes: 64 * 1024 * 1024, // in memory as well
}

/** Shortest beginning of an id that counts as a reference. */
const MIN_PREFIX = 4

/** Largest page of `task.list`, bytes: no more values than the wire takes in one body. */
const MAX_PAGE_BYTES = 256 * 1024

/** What the journal holds of a task. */
export interface TaskRecord {
  readonly task: string
  readonly title: string
  readonly description: string
  readonly status: TaskStatus
  readonly assigned_to: string
  readonly priority: number
  readonly metadata: JsonObject
  readonly version: number
  readonly created_at: number
  readonly updated_at: number
  readonly owner: string
  /** Number of its last change, rising over all tasks: clocks may go back, the order of changes does not. */
  readonly change: number
}

/** What of a task can be changed. */
export type TaskPatch = Omit<Params<'task.update'>, 'task' | 'version'>

export interface TaskChange {
  readonly operation: JournalOperation
  /** To be called when the operation is durable. */
  readonly written: () => void
}

export interface TaskQuery {
  readonly statuses: readonly TaskStatus[] | undefined
  readonly assigned: string | undefined
  readonly limit: number
  readonly offset: number
}

export class Tasks {
  readonly #table: VersionedTable<TaskRecord>
  /** Tasks whose record cannot be read: all that is known of them is that they exist. */
  readonly #damaged: Set<string>
  #lastChange = 0

  constructor(journal: Journal, limits: TableLimits, rule?: ShareRule) {
    this.#table = new VersionedTable('the list of tasks', limits, rule)
    const stored = [...journal.entries('tasks')].map(({ value }) => value as TaskRecord)
    for (const record of stored.sort((a, b) => a.change - b.change)) {
      this.#table.restore(record.task, record, sizeOf(record), record.owner)
      this.#lastChange = record.change
    }
    this.#damaged = new Set(journal.damaged('tasks'))
  }

  get size(): number {
    return this.#table.size
  }

  get bytes(): number {
    return this.#table.bytes
  }

  *statuses(): Generator<TaskStatus> {
    for (const { status } of this.#table.all()) yield status
  }

  /** As of its last change, written or not; undefined when it is gone. */
  latest(task: string): TaskRecord | undefined {
    return this.#table.latest(task)
  }

  durable(task: string): TaskRecord | undefined {
    return this.#table.durable(task)
  }

  /** Whether its last change is not on disk, and may fall back. */
  isStaged(task: string): boolean {
    return this.#table.isStaged(task)
  }

  /**
   * The id of a task by itself or its beginning. Throws NO_SUCH_TASK, AMBIGUOUS_TASK, or STORAGE_FAILED for
   * one whose record is damaged.
   */
  resolve(reference: string): string {
    if (this.#damaged.has(reference)) {
      const reason = `the record of task ${reference} is damaged; it can only be removed`
      throw new ProtocolError('STORAGE_FAILED', { reason })
    }
    // One that is being removed may fall back, so it is one still.
    if (this.#table.latest(reference) || this.#table.durable(reference)) return reference
    const matching =
      reference.length < MIN_PREFIX
        ? []
        : [...this.#table.keys()].filter((task) => task.startsWith(reference))
    const [first] = matching
    if (first === undefined) throw noSuchTask(reference)
    if (matching.length === 1) return first
    throw new ProtocolError('AMBIGUOUS_TASK', { task: reference, count: matching.length })
  }

  /** Throws LIMIT_REACHED. */
  put(record: Omit<TaskRecord, 'change'>): TaskChange {
    const saved = { ...record, change: this.#lastChange + 1 }
    const written = this.#table.stage(record.task, saved, sizeOf(saved), saved.owner)
    this.#lastChange = saved.change
    return { operation: { op: 'put', table: 'tasks', key: record.task, value: saved }, written }
  }

  isDamaged(task: string): boolean {
    return this.#damaged.has(task)
  }

  remove(task: string): TaskChange {
    const staged = this.#table.stage(task, undefined)
    const written = () => {
      staged()
      this.#damaged.delete(task)
    }
    return { operation: { op: 'delete', table: 'tasks', key: task }, written }
  }

  /** All that is not on disk has failed. */
  rewind(): void {
    this.#table.rewind()
  }

  page({ statuses, assigned, limit, offset }: TaskQuery): Result<'task.list'> {
    const found = [...this.#table.all()].reverse().filter((record) => {
      if (assigned !== undefined && record.assigned_to !== assigned) return false
      return !statuses || statuses.includes(record.status)
    })
    const tasks: TaskInfo[] = []
    let bytes = 0
    for (const record of found.slice(offset, offset + limit)) {
      bytes += sizeOf(record)
      if (bytes > MAX_PAGE_BYTES && tasks.length > 0) break
      tasks.push(taskInfo(record))
    }
    return { tasks, total: found.length }
  }
}

export function taskInfo({ change: _, ...info }: TaskRecord): TaskInfo {
  return info
}

export function noSuchTask(task: string): ProtocolError {
  return new ProtocolError('NO_SUCH_TASK', { task })
}

/** What becomes of a task. Throws INVALID_PARAMS for metadata that cannot be kept. */
export function patched(
  method: string,
  record: TaskRecord,
  { metadata: patch, ...fields }: TaskPatch,
  wallMs: number,
): TaskRecord {
  const metadata = patch ? merged(method, record.metadata, patch) : record.metadata
  return { ...record, ...fields, metadata, version: record.version + 1, updated_at: wallMs }
}

function merged(method: string, metadata: JsonObject, patch: Readonly<Record<string, unknown>>) {
  // Both are objects, so what comes of them is one.
  return requireSmall(method, mergePatch(metadata, metadataOf(method, patch)) as JsonObject)
}

/** What counts towards the limit of bytes: the fields that callers make large. */
function sizeOf({ title, description, assigned_to, metadata }: TaskRecord): number {
  const texts = Buffer.byteLength(title) + Buffer.byteLength(description) + assigned_to.length
  return texts + jsonBytes(metadata)
}
