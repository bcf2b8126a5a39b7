/** Calls of `approval.list` that wait for news. Each ends by news, by its time, or with the broker. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { ApprovalRecord } from './approval-record.ts'
import type { ApprovalQuery, Approvals } from './approvals.ts'
import type { Call } from './calls.ts'

/** Calls that may wait at once: one for each dashboard. */
const MAX_WAITING = 1024
const RETRY_AFTER_MS = 1000

interface Waiting {
  readonly call: Call<'approval.list'>
  readonly query: ApprovalQuery
  readonly until: number
}

export class ApprovalWatch {
  readonly #approvals: Approvals
  readonly #waiting = new Set<Waiting>()
  #isClosed = false

  constructor(approvals: Approvals) {
    this.#approvals = approvals
  }

  /** Ends the call when there is news, or at `until`, monotonic ms. Throws OVERLOADED. */
  wait(waiting: Waiting): void {
    if (this.#isClosed) {
      this.#end(waiting)
      return
    }
    if (this.#waiting.size >= MAX_WAITING) {
      const details = { what: 'the set of calls that wait for approvals', limit: MAX_WAITING }
      throw new ProtocolError('OVERLOADED', details, { retryAfterMs: RETRY_AFTER_MS })
    }
    this.#waiting.add(waiting)
    waiting.call.onCancel(() => {
      this.#waiting.delete(waiting)
      waiting.call.fail(new ProtocolError('CANCELLED'))
    })
  }

  /** These changes are on disk: whoever waits for them hears of them. */
  written(records: readonly ApprovalRecord[]): void {
    if (records.length === 0) return
    this.#approvals.written(records)
    for (const waiting of this.#waiting) {
      if (this.#approvals.page(waiting.query).approvals.length > 0) this.#end(waiting)
    }
  }

  tick(now: number): void {
    for (const waiting of this.#waiting) if (waiting.until <= now) this.#end(waiting)
  }

  /** The broker drains: nobody may wait any longer. */
  close(): void {
    this.#isClosed = true
    for (const waiting of this.#waiting) this.#end(waiting)
  }

  #end(waiting: Waiting): void {
    this.#waiting.delete(waiting)
    waiting.call.reply(this.#approvals.page(waiting.query))
  }
}
