/**
 * Owns the queue of writes: what gathers while a commit is under way goes into the next one. Does not
 * know how a group is stored.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Durable } from './journal.ts'

export interface PendingWrite<Operation> {
  readonly operations: readonly Operation[]
  readonly bytes: number
  /** False when it only frees room. */
  readonly grows: boolean
  readonly durable: Durable
}

export interface GroupLimits {
  /** Operations of one commit. One write above it still makes a group of its own. */
  readonly maxCommitOperations: number
  /** Bytes of one commit. One write above it still makes a group of its own. */
  readonly maxCommitBytes: number
}

export const GROUP_LIMITS: GroupLimits = {
  // Takes about 9 ms here and holds the event loop for 5 of them; the goal is 20 ms of lag at p99.
  maxCommitOperations: 2000,
  // Bounds what a commit copies; with pages about twice as much reaches the disk.
  maxCommitBytes: 4 * 1024 * 1024,
}

/** Stores all of the writes or none; rejects when none are stored. */
export type Commit<Operation> = (writes: readonly PendingWrite<Operation>[]) => Promise<void>

export class GroupCommit<Operation> {
  readonly #commit: Commit<Operation>
  readonly #limits: GroupLimits
  readonly #queue: PendingWrite<Operation>[] = []
  #running: Promise<void> | undefined

  constructor(commit: Commit<Operation>, limits: GroupLimits) {
    this.#commit = commit
    this.#limits = limits
  }

  add(write: PendingWrite<Operation>): void {
    this.#queue.push(write)
    this.#running ??= this.#run()
  }

  /** Resolves when nothing is queued or under way. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #run(): Promise<void> {
    // One turn of the microtask queue: writes of the same synchronous stretch share a commit.
    await Promise.resolve()
    while (this.#queue.length > 0) await this.#step(this.#take())
    this.#running = undefined
  }

  async #step(group: readonly PendingWrite<Operation>[]): Promise<void> {
    try {
      await this.#commit(group)
    } catch (thrown) {
      this.#fail(group, coded(thrown))
      return
    }
    for (const write of group) settle(write.durable, undefined)
  }

  #take(): PendingWrite<Operation>[] {
    let operations = 0
    let bytes = 0
    const end = this.#queue.findIndex((write, index) => {
      operations += write.operations.length
      bytes += write.bytes
      const isOver =
        operations > this.#limits.maxCommitOperations || bytes > this.#limits.maxCommitBytes
      return isOver && index > 0
    })
    return this.#queue.splice(0, end === -1 ? this.#queue.length : end)
  }

  /**
   * Fails the group and all that was queued behind it: those writes were given in the belief that this
   * one would hold, and a chunk stored after a lost one would be a hole. Writes that only free room
   * are tried again by themselves when room is what was lacking.
   */
  #fail(group: readonly PendingWrite<Operation>[], error: ProtocolError): void {
    const canSplit = error.code === 'STORAGE_FULL' && group.some((write) => write.grows)
    const failed: PendingWrite<Operation>[] = []
    for (const write of [...group, ...this.#queue.splice(0)]) {
      if (canSplit && !write.grows) this.#queue.push(write)
      else failed.push(write)
    }
    for (const write of failed) settle(write.durable, error)
  }
}

/** A callback that throws is a defect of its owner: it surfaces, and the other callbacks still run. */
function settle(durable: Durable, error: Error | undefined): void {
  try {
    durable(error)
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown
    })
  }
}

function coded(thrown: unknown): ProtocolError {
  if (thrown instanceof ProtocolError) return thrown
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  return new ProtocolError('STORAGE_FAILED', { reason }, { cause: thrown })
}
