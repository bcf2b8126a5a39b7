/** Typed calls over the table of pending ones: checks, encodes, numbers keys, hears abort signals. */

import type { Message } from '../../protocol/bundle.ts'
import { decodeBody, encode } from '../../protocol/codec.ts'
import { type ErrorCode, ProtocolError } from '../../protocol/errors.ts'
import { newToken, type RandomBytes } from '../../protocol/ids.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import {
  type BrokerMethod,
  METHODS,
  type Params,
  type Result,
} from '../../protocol/methods/index.ts'
import { isPrincipalName } from '../../protocol/methods/key.ts'
import { checked } from '../../protocol/schema.ts'
import { type Outcome, PendingCalls, type PendingPorts } from './pending-calls.ts'

export interface CallOptions {
  /** Aborting sends CANCEL and fails the call with CANCELLED at once. */
  readonly signal?: AbortSignal | undefined
  /** Time for the call with all its retries, ms. */
  readonly deadlineMs?: number | undefined
  /** Two calls with one key run once. Mutating methods get one by themselves. */
  readonly idempotencyKey?: string | undefined
  /** The request is in the journal of the broker. */
  readonly onAccepted?: (() => void) | undefined
  /** Retryable errors to sit out until the deadline, such as NO_HOST, AT_CAPACITY or HOST_LOST. */
  readonly retryOn?: readonly ErrorCode[] | undefined
  /** W3C traceparent. */
  readonly traceparent?: string | undefined
  /** Principal that a gateway acts for. */
  readonly user?: string | undefined
}

export interface CallerPorts extends PendingPorts {
  readonly now: () => number
  readonly randomBytes: RandomBytes
  /** Default of calls, ms. */
  readonly deadlineMs: number
  /** Largest body that the broker takes, bytes. */
  readonly maxBodyBytes: () => number
}

export class Caller {
  readonly #ports: CallerPorts
  readonly #pending: PendingCalls
  #closed: ProtocolError | undefined

  constructor(ports: CallerPorts) {
    this.#ports = ports
    this.#pending = new PendingCalls(ports)
  }

  get inFlight(): number {
    return this.#pending.size
  }

  /** Rejects with ProtocolError only. */
  call<M extends BrokerMethod>(
    method: M,
    params: Params<M>,
    options: CallOptions = {},
  ): Promise<Result<M>> {
    return new Promise((resolve, reject) => {
      const { signal } = options
      if (this.#closed) throw this.#closed
      if (signal?.aborted) throw cancelled(signal, 'no')
      const settle = (outcome: Outcome) => {
        signal?.removeEventListener('abort', onAbort)
        if (!outcome.ok) return reject(outcome.error)
        try {
          resolve(this.#decode(method, outcome.body))
        } catch (thrown) {
          reject(ProtocolError.from(thrown, 'client', 'yes'))
        }
      }
      const abandon = this.#start(method, params, options, settle)
      const onAbort = () => signal && abandon((executed) => cancelled(signal, executed))
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  connected(): void {
    this.#pending.connected(this.#ports.now())
  }

  lost(): void {
    this.#pending.lost()
  }

  tick(now: number): void {
    this.#pending.tick(now)
  }

  receive({ head, body }: Message): void {
    const error = () => ProtocolError.fromWire(decodeBody(ErrorBody, body))
    this.#pending.receive(head, body, error, this.#ports.now())
  }

  /** Fails every call, now and later, with this code. */
  close(error: (executed: 'no' | 'unknown') => ProtocolError): void {
    this.#closed = error('no')
    this.#pending.failAll(error)
  }

  #start<M extends BrokerMethod>(
    method: M,
    params: Params<M>,
    options: CallOptions,
    settle: (outcome: Outcome) => void,
  ) {
    const { mutating } = METHODS[method]
    const { user } = options
    if (user !== undefined) checkUser(user)
    const now = this.#ports.now()
    const key = options.idempotencyKey ?? (mutating ? newToken(this.#ports.randomBytes) : '')
    const request = {
      method,
      target: targetOf(params),
      key,
      trace: options.traceparent ?? '',
      ...(user !== undefined && { user }),
      mutating,
      body: this.#encode(method, params),
      deadlineAt: now + (options.deadlineMs ?? this.#ports.deadlineMs),
      retryOn: options.retryOn ?? [],
      onAccepted: later(options.onAccepted),
      settle,
    }
    return this.#pending.start(request, now)
  }

  #encode<M extends BrokerMethod>(method: M, params: Params<M>): Buffer {
    // A key whose value is undefined is an absent key; on the wire it would become null.
    const present = Object.fromEntries(
      Object.entries(params).filter(([, value]) => value !== undefined),
    )
    const body = encode(checkedParams(method, present))
    const limit = this.#ports.maxBodyBytes()
    if (body.length > limit) {
      const details = { what: `the body of ${method}`, size: body.length, limit }
      throw new ProtocolError('TOO_LARGE', details, { where: 'client' })
    }
    return body
  }

  #decode<M extends BrokerMethod>(method: M, body: Buffer): Result<M> {
    const schema = METHODS[method].result
    return decodeBody(schema, body, 'INVALID_MESSAGE', { what: `result of ${method}` }) as Result<M>
  }
}

function checkedParams(method: BrokerMethod, params: Record<string, unknown>): unknown {
  try {
    return checked(METHODS[method].params, params, 'INVALID_PARAMS', { method })
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    throw new ProtocolError(thrown.code, thrown.details, { where: 'client' })
  }
}

/** A head that the broker cannot read counts against the connection, which others use as well. */
function checkUser(user: string): void {
  if (isPrincipalName(user)) return
  const details = { principal: user.slice(0, 64), scope: 'to be acted for', method: 'REQUEST' }
  throw new ProtocolError('FORBIDDEN', details, { where: 'client' })
}

/** The session or host that a request is for, so that the broker routes without reading the body. */
function targetOf(params: object): string {
  if ('session' in params && typeof params.session === 'string') return params.session
  return 'host' in params && typeof params.host === 'string' ? params.host : ''
}

export function cancelled(signal: AbortSignal, executed: 'no' | 'unknown'): ProtocolError {
  return new ProtocolError('CANCELLED', {}, { where: 'client', executed, cause: signal.reason })
}

/** A callback of the caller that throws must not take the rest of a bundle with it. */
function later(callback: (() => void) | undefined): () => void {
  return () => callback && queueMicrotask(callback)
}
