/**
 * What a method handler holds of one execution. A class, because a request makes one of it: an object with
 * closures of its own cost a tenth of what the broker does for a brokered call.
 */
import { encode } from '../../protocol/codec.ts'
import type { ProtocolError } from '../../protocol/errors.ts'
import type { Identity } from '../../protocol/link/broker-link.ts'
import type { BrokerMethod, Params, Result } from '../../protocol/methods/index.ts'
import type { Target } from './audit/entry.ts'
import type { Call, CallRequest } from './calls.ts'
import type { Operation } from './events.ts'
import type { Outcome } from './idempotency.ts'

export type End = Exclude<Outcome, { state: 'running' }>

/** What is done with executions of the kind `R`; made once for all of them. */
export interface Course<R> {
  remainingMs(running: R): number
  persist(
    running: R,
    operations: readonly Operation[],
    then: () => void,
    standing: object | undefined,
  ): void
  names(running: R, target: Target): void
  end(running: R, outcome: End): void
  isCancelled(running: R): boolean
  isAbandoned(running: R): boolean
  onCancel(running: R, cancel: () => void): void
}

export class RunningCall<M extends BrokerMethod, R> implements Call<M> {
  readonly method: M
  readonly params: Params<M>
  readonly identity: Identity
  readonly connection: string
  readonly trace: string
  readonly #running: R
  readonly #course: Course<R>

  constructor(request: CallRequest<M>, connection: string, running: R, course: Course<R>) {
    this.method = request.method
    this.params = request.params
    this.identity = request.identity
    this.trace = request.trace
    this.connection = connection
    this.#running = running
    this.#course = course
  }

  remainingMs(): number {
    return this.#course.remainingMs(this.#running)
  }

  persist(operations: readonly Operation[], then: () => void, standing?: Result<M>): void {
    this.#course.persist(this.#running, operations, then, standing)
  }

  names(target: Target): void {
    this.#course.names(this.#running, target)
  }

  reply(result: Result<M>): void {
    this.replyEncoded(encode(result))
  }

  replyEncoded(body: Buffer): void {
    this.#course.end(this.#running, { state: 'replied', body })
  }

  fail(error: ProtocolError): void {
    this.#course.end(this.#running, failed(error))
  }

  isCancelled(): boolean {
    return this.#course.isCancelled(this.#running)
  }

  isAbandoned(): boolean {
    return this.#course.isAbandoned(this.#running)
  }

  onCancel(cancel: () => void): void {
    this.#course.onCancel(this.#running, cancel)
  }
}

export function failed(error: ProtocolError): End {
  return { state: 'failed', error: error.toWire() }
}
