/**
 * Gathers what one turn of the broker wants on disk and hands it to the journal as one write at a time.
 * While a commit is under way the next group gathers: that is the group commit. With a single write
 * outstanding, a failed one leaves nothing after it on disk, so memory can fall back to the journal.
 */
import type { Journal, JournalOperation } from '../journal/journal.ts'

type Settled = (error: Error | undefined) => void

export class Batch {
  readonly #journal: Journal
  /** Called after a failed write with every session that it touched, before the callbacks. */
  readonly #onFailure: (sessions: ReadonlySet<string>, error: Error) => void
  #operations: JournalOperation[] = []
  #settled: Settled[] = []
  #isCommitting = false
  #failure: Error | undefined

  constructor(journal: Journal, onFailure: (sessions: ReadonlySet<string>, error: Error) => void) {
    this.#journal = journal
    this.#onFailure = onFailure
  }

  /** Why the last write failed; undefined once one has succeeded again. */
  get failure(): Error | undefined {
    return this.#failure
  }

  get isIdle(): boolean {
    return !this.#isCommitting && this.#settled.length === 0
  }

  /** Adds operations; `settled` runs when they are durable, or have failed. */
  add(operations: readonly JournalOperation[], settled: Settled): void {
    for (const operation of operations) this.#operations.push(operation)
    this.#settled.push(settled)
  }

  /** Called at the end of each turn of the broker. */
  flush(): void {
    if (this.#isCommitting || this.#settled.length === 0) return
    const operations = this.#operations
    const settled = this.#settled
    this.#operations = []
    this.#settled = []
    this.#isCommitting = true
    this.#journal.write(operations, (error) => {
      this.#isCommitting = false
      if (error) this.#fail(error, operations, settled)
      else {
        this.#failure = undefined
        for (const done of settled) done(undefined)
      }
      this.flush()
    })
  }

  /** What gathered meanwhile was built on what has failed, so it fails as well. */
  #fail(error: Error, operations: JournalOperation[], settled: Settled[]): void {
    this.#failure = error
    const all = [...operations, ...this.#operations]
    const waiting = [...settled, ...this.#settled]
    this.#operations = []
    this.#settled = []
    this.#onFailure(new Set(all.map(sessionOf).filter((id) => id !== '')), error)
    for (const done of waiting) done(error)
  }
}

function sessionOf(operation: JournalOperation): string {
  if (operation.op === 'append' || operation.op === 'drop') return operation.session
  return operation.table === 'sessions' ? operation.key : ''
}
