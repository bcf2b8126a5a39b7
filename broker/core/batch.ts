/**
 * Gathers what one turn of the broker wants on disk and hands it to the journal as one write at a time.
 * While a commit is under way the next group gathers: that is the group commit. With a single write
 * outstanding, a failed one leaves nothing after it on disk, so memory can fall back to the journal.
 * What only frees room is a write of its own behind the group, so that it succeeds on a full disk too.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Journal, JournalOperation } from '../journal/journal.ts'
import { sessionOfKey } from './approval-record.ts'

type Settled = (error: Error | undefined) => void

interface Freeing {
  readonly operations: readonly JournalOperation[]
  readonly settled: Settled
}

export interface BatchPorts {
  readonly journal: Journal
  /** Monotonic, ms. */
  readonly now: () => number
  /** Called after each write. */
  readonly onWritten: (operations: number, tookMs: number, error: Error | undefined) => void
  /** Called after a failed write with every session that it touched, before the callbacks. */
  readonly onFailure: (sessions: ReadonlySet<string>, error: Error) => void
  /** A callback threw; the others run all the same. */
  readonly onDefect: (thrown: unknown) => void
}

export class Batch {
  readonly #ports: BatchPorts
  #operations: JournalOperation[] = []
  #settled: Settled[] = []
  #freeing: Freeing[] = []
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
    return !isWriting && this.#settled.length === 0 && this.#freeing.length === 0
  }

  /** Adds operations; `settled` runs when they are durable, or have failed. */
  add(operations: readonly JournalOperation[], settled: Settled): void {
    for (const operation of operations) this.#operations.push(operation)
    this.#settled.push(settled)
  }

  /**
   * Adds operations that only free room: they are written after all that was added before them. Nothing
   * falls back when they fail.
   */
  free(operations: readonly JournalOperation[], settled: Settled): void {
    this.#freeing.push({ operations, settled })
  }

  /** Called at the end of each turn of the broker. */
  flush(): void {
    if (this.#isCommitting) return
    this.#writeGroup()
    for (const freeing of this.#freeing.splice(0)) this.#writeFreeing(freeing)
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
    if (this.#settled.length === 0) return
    const operations = this.#operations
    const settled = this.#settled
    this.#operations = []
    this.#settled = []
    this.#isCommitting = true
    const since = this.#ports.now()
    const done = (error: Error | undefined): void => {
      this.#isCommitting = false
      this.#ports.onWritten(operations.length, this.#ports.now() - since, error)
      if (error) this.#fail(error, operations, settled)
      else {
        this.#failure = undefined
        this.#settle(settled, undefined)
      }
    }
    try {
      this.#ports.journal.write(operations, (error) => {
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
  #fail(error: Error, operations: JournalOperation[], settled: Settled[]): void {
    this.#failure = error
    const all = [...operations, ...this.#operations]
    const waiting = [...settled, ...this.#settled]
    this.#operations = []
    this.#settled = []
    this.#ports.onFailure(new Set(all.map(sessionOf).filter((id) => id !== '')), error)
    this.#settle(waiting, error)
  }
}

function sessionOf(operation: JournalOperation): string {
  if ('session' in operation) return operation.session
  if (operation.table === 'approvals') return sessionOfKey(operation.key)
  return operation.table === 'sessions' ? operation.key : ''
}
