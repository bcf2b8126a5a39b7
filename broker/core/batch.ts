/**
 * Gathers what the turns of the broker want on disk and hands it to the journal as one write at a time.
 * While a commit is under way the next group gathers: that is the group commit. With a single write
 * outstanding, a failed one leaves nothing after it on disk, so memory can fall back to the journal.
 * What only frees room is a write of its own behind the group, so that it succeeds on a full disk too.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Journal, JournalOperation } from '../journal/journal.ts'
import { sessionOfKey } from './approval-record.ts'
import { AUDIT, type Operation, type Sealed } from './events.ts'

type Settled = (error: Error | undefined) => void

export interface CommitLimits {
  /** Operations of one commit. What was added together stays together, also when it is more. */
  readonly maxCommitOperations: number
  /** Bytes of chunks in one commit, likewise. */
  readonly maxCommitBytes: number
  /** An idle journal waits this long for more before it commits, ms, unless the commit is full. */
  readonly commitDelayMs: number
}

interface Freeing {
  readonly operations: readonly JournalOperation[]
  readonly settled: Settled
}

interface Waiting {
  readonly operations: readonly Operation[]
  readonly settled: Settled
  readonly bytes: number
}

export interface BatchPorts {
  readonly journal: Journal
  /** Monotonic, ms. */
  readonly now: () => number
  readonly limits: CommitLimits
  /** Called with the operations of a group when it goes to the journal. */
  readonly seal: (operations: readonly Operation[]) => Sealed
  /** Called after each write. */
  readonly onWritten: (operations: number, tookMs: number, error: Error | undefined) => void
  /** Called after a failed write with every session and stream that it touched, before the callbacks. */
  readonly onFailure: (sessions: ReadonlySet<string>, error: Error) => void
  /** Called when all callbacks of a write have run. */
  readonly onSettled: () => void
  /** A callback threw; the others run all the same. */
  readonly onDefect: (thrown: unknown) => void
}

export class Batch {
  readonly #ports: BatchPorts
  #waiting: Waiting[] = []
  #freeing: Freeing[] = []
  /** When the oldest of what waits was added, monotonic ms. */
  #waitingSince = 0
  #isCommitting = false
  /** Freeing writes that the journal has. */
  #freeingNow = 0
  #failure: Error | undefined

  constructor(ports: BatchPorts) {
    this.#ports = ports
  }

  /** Why the last write failed; undefined once one has succeeded again. */
  get failure(): Error | undefined {
    return this.#failure
  }

  get isIdle(): boolean {
    const isWriting = this.#isCommitting || this.#freeingNow > 0
    return !isWriting && this.#waiting.length === 0 && this.#freeing.length === 0
  }

  /** In how many ms `flush` wants to be called again; undefined when nothing waits for its time. */
  get dueInMs(): number | undefined {
    if (this.#isCommitting || this.#waiting.length === 0) return undefined
    const { now, limits } = this.#ports
    return Math.max(0, this.#waitingSince + limits.commitDelayMs - now())
  }

  /** Adds operations, which stay together; `settled` runs when they are durable, or have failed. */
  add(operations: readonly Operation[], settled: Settled): void {
    if (this.#waiting.length === 0) this.#waitingSince = this.#ports.now()
    const bytes = operations.reduce((sum, operation) => sum + bytesOf(operation), 0)
    this.#waiting.push({ operations, settled, bytes })
  }

  /**
   * Adds operations that only free room: they are written after all that was added before them. Nothing
   * falls back when they fail.
   */
  free(operations: readonly JournalOperation[], settled: Settled): void {
    this.#freeing.push({ operations, settled })
  }

  /** Called at the end of each turn of the broker, and when it is due. */
  flush(): void {
    if (this.#isCommitting) return
    if (this.dueInMs === 0 || this.#take(this.#waiting).isFull) this.#writeGroup()
    if (this.#waiting.length > 0) return
    for (const freeing of this.#freeing.splice(0)) this.#writeFreeing(freeing)
  }

  /** How many of what waits go into one commit, and whether there is no room for more. */
  #take(waiting: readonly Waiting[]): { readonly count: number; readonly isFull: boolean } {
    const { maxCommitOperations, maxCommitBytes } = this.#ports.limits
    let operations = 0
    let bytes = 0
    const over = waiting.findIndex((addition, index) => {
      operations += addition.operations.length
      bytes += addition.bytes
      return index > 0 && (operations > maxCommitOperations || bytes > maxCommitBytes)
    })
    const isFull = operations >= maxCommitOperations || bytes >= maxCommitBytes
    return { count: over === -1 ? waiting.length : over, isFull }
  }

  #writeFreeing({ operations, settled }: Freeing): void {
    this.#freeingNow += 1
    const done = (error: Error | undefined): void => {
      this.#freeingNow -= 1
      this.#settle([settled], error)
    }
    try {
      this.#ports.journal.write(operations, done)
    } catch (thrown) {
      done(ProtocolError.from(thrown, 'broker', 'no'))
    }
  }

  #writeGroup(): void {
    const group = this.#waiting.splice(0, this.#take(this.#waiting).count)
    const operations = group.flatMap((addition) => addition.operations)
    let sealed: Sealed | undefined
    const settled = group.map((addition) => addition.settled)
    // What is left has waited for this commit, which is long enough.
    this.#waitingSince = Number.NEGATIVE_INFINITY
    this.#isCommitting = true
    const since = this.#ports.now()
    const done = (error: Error | undefined): void => {
      this.#isCommitting = false
      this.#ports.onWritten(operations.length, this.#ports.now() - since, error)
      if (error) this.#fail(error, operations, settled)
      else {
        this.#failure = undefined
        this.#settle(settled, undefined)
        this.#settle(sealed ? [sealed.publish] : [], undefined)
      }
      this.#settle([this.#ports.onSettled], undefined)
    }
    try {
      sealed = this.#ports.seal(operations)
      this.#ports.journal.write(sealed.operations, (error) => {
        done(error)
        this.flush()
      })
    } catch (thrown) {
      // Refused before it was queued, or the journal is closing; the next turn flushes what comes after.
      done(ProtocolError.from(thrown, 'broker', 'no'))
    }
  }

  #settle(settled: readonly Settled[], error: Error | undefined): void {
    for (const done of settled) {
      try {
        done(error)
      } catch (thrown) {
        this.#ports.onDefect(thrown)
      }
    }
  }

  /** What gathered meanwhile was built on what has failed, so it fails as well. */
  #fail(error: Error, operations: readonly Operation[], settled: readonly Settled[]): void {
    this.#failure = error
    const rest = this.#waiting
    this.#waiting = []
    const all = [...operations, ...rest.flatMap((addition) => addition.operations)]
    const waiting = [...settled, ...rest.map((addition) => addition.settled)]
    this.#ports.onFailure(new Set(all.map(sessionOf).filter((id) => id !== '')), error)
    this.#settle(waiting, error)
  }
}

function sessionOf(operation: Operation): string {
  if ('session' in operation) return operation.session
  if (operation.op === 'event') return operation.stream
  if (operation.op === 'audit') return AUDIT
  if (operation.table === 'approvals') return sessionOfKey(operation.key)
  return operation.table === 'sessions' ? operation.key : ''
}

/** Of the bodies of chunks, and of the texts in records: all else is small. */
function bytesOf(operation: Operation): number {
  switch (operation.op) {
    case 'event':
      return operation.body.length
    case 'append':
      return operation.chunk.body.length
    case 'put':
      return textBytes(operation.value)
    default:
      return 0
  }
}

/** About as many as the strings and buffers have that a record holds, at any depth. */
function textBytes(value: unknown): number {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.length
  if (typeof value !== 'object' || value === null) return 0
  let bytes = 0
  for (const part of Object.values(value)) bytes += textBytes(part)
  return bytes
}
