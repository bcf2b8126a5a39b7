/**
 * Calls that wait for their end. Pure: messages, connection changes and ticks in; messages and outcomes
 * out. Sends again, with the same idempotency key, what a lost connection or a busy broker left undone.
 */
import { EMPTY } from '../../protocol/codec.ts'
import { type ErrorCode, ProtocolError } from '../../protocol/errors.ts'
import { RequestIds } from '../../protocol/ids.ts'
import { backoffMs } from '../../protocol/link/backoff.ts'
import type { Head } from '../../protocol/messages/index.ts'
import { CALL_RETRY, SDK_LIMITS } from './limits.ts'

export type Outcome =
  | { readonly ok: true; readonly body: Buffer }
  | { readonly ok: false; readonly error: ProtocolError }

export interface CallRequest {
  readonly method: string
  readonly target: string
  /** Idempotency key; empty = none. */
  readonly key: string
  readonly trace: string
  /** Whom it is for; absent = the client itself. */
  readonly user?: string
  readonly mutating: boolean
  readonly body: Buffer
  /** By the clock that is passed in, ms. */
  readonly deadlineAt: number
  /** Codes to be patient with, besides those of `PASSING`. */
  readonly retryOn: readonly ErrorCode[]
  /** The request is in the journal; called at most once. */
  readonly onAccepted: () => void
  /** Called exactly once. */
  readonly settle: (outcome: Outcome) => void
}

export interface PendingPorts {
  /** False = not now (no connection, or too much waits): tried again at the next tick. */
  readonly send: (head: Head, body: Buffer) => boolean
  /** Whether the broker understands for whom a request is. One that does not would take it for the client's own. */
  readonly knowsUsers: () => boolean
  /** Gives [0, 1). */
  readonly random: () => number
}

/**
 * Refusals that pass by themselves within moments. Others that are retryable in principle (NO_HOST,
 * AT_CAPACITY, BUSY, HOST_LOST …) are news for the caller, not something to sit out in silence; they
 * are retried when the broker says after how long, or the caller names them.
 */
const PASSING: ReadonlySet<ErrorCode> = new Set(['NOT_WELCOME', 'OVERLOADED', 'DRAINING'])

interface Call {
  readonly request: CallRequest
  /** `waiting` = to be sent once `notBefore` has passed and the link takes it. */
  state: 'waiting' | 'sent' | 'ended'
  id: string
  notBefore: number
  attempts: number
  accepted: boolean
  /** An attempt left whose end is not known. */
  mayHaveRun: boolean
  lastError: ProtocolError | undefined
}

/** Gives up a call; does nothing once it has ended. */
export type Abandon = (error: (executed: 'no' | 'unknown') => ProtocolError) => void

export class PendingCalls {
  readonly #ports: PendingPorts
  readonly #ids = new RequestIds()
  readonly #calls = new Set<Call>()
  readonly #sent = new Map<string, Call>()

  constructor(ports: PendingPorts) {
    this.#ports = ports
  }

  get size(): number {
    return this.#calls.size
  }

  start(request: CallRequest, now: number): Abandon {
    const call: Call = {
      request,
      state: 'waiting',
      id: '',
      notBefore: now,
      attempts: 0,
      accepted: false,
      mayHaveRun: false,
      lastError: undefined,
    }
    if (this.#calls.size >= SDK_LIMITS.maxPendingCalls) {
      const details = { what: 'the table of pending calls', limit: SDK_LIMITS.maxPendingCalls }
      this.#fail(call, new ProtocolError('OVERLOADED', details, { where: 'client' }))
    } else {
      this.#calls.add(call)
      this.#attempt(call, now)
    }
    return (error) => this.#abandon(call, error)
  }

  /** The link is welcome (again): whatever waits is sent. */
  connected(now: number): void {
    for (const call of this.#calls) {
      if (call.state === 'waiting' && call.notBefore <= now) this.#attempt(call, now)
    }
  }

  /** The link is gone, and with it the answers to what was sent: that is sent again once it is back. */
  lost(): void {
    for (const call of this.#sent.values()) call.state = 'waiting'
    this.#sent.clear()
  }

  /** ACCEPTED, REPLY or ERROR; those of calls that have ended are ignored. */
  receive(head: Head, body: Buffer, error: () => ProtocolError, now: number): void {
    if (!('id' in head) || typeof head.id !== 'string') return
    const call = this.#sent.get(head.id)
    if (!call) return
    if (head.kind === 'ACCEPTED') this.#accepted(call)
    else if (head.kind === 'REPLY') this.#end(call, { ok: true, body })
    else if (head.kind === 'ERROR') this.#refused(call, error(), now)
  }

  tick(now: number): void {
    for (const call of this.#calls) {
      if (this.#isOver(call, now)) this.#expire(call)
      else if (call.state === 'waiting' && call.notBefore <= now) this.#attempt(call, now)
    }
  }

  failAll(error: (executed: 'no' | 'unknown') => ProtocolError): void {
    for (const call of this.#calls) this.#fail(call, error(call.mayHaveRun ? 'unknown' : 'no'))
  }

  #attempt(call: Call, now: number): void {
    const { method, target, key, trace, user, body, deadlineAt } = call.request
    if (user !== undefined && !this.#ports.knowsUsers()) {
      this.#fail(call, noUsers())
      return
    }
    const id = this.#ids.next() // a new one each time, so that answers to an older attempt are late
    const remaining_ms = Math.max(1, Math.ceil(deadlineAt - now)) // 0 would mean the default
    const rest = { method, target, remaining_ms, key, trace, ...(user !== undefined && { user }) }
    if (!this.#ports.send({ kind: 'REQUEST', id, ...rest }, body)) return
    call.id = id
    call.state = 'sent'
    call.attempts += 1
    call.mayHaveRun = true
    this.#sent.set(id, call)
  }

  #accepted(call: Call): void {
    if (call.accepted) return
    call.accepted = true
    call.request.onAccepted()
  }

  #refused(call: Call, error: ProtocolError, now: number): void {
    if (error.executed === 'no') call.mayHaveRun = false
    const delay = this.#retryDelay(call, error)
    if (delay === undefined || now + delay >= call.request.deadlineAt) {
      this.#fail(call, error)
      return
    }
    this.#sent.delete(call.id)
    call.state = 'waiting'
    call.notBefore = now + delay
    call.lastError = error
  }

  /** Milliseconds to wait before the next attempt; undefined = the error is for the caller. */
  #retryDelay(call: Call, error: ProtocolError): number | undefined {
    const { mutating, retryOn } = call.request
    const isSafe = error.executed === 'no' || (error.executed === 'unknown' && !mutating)
    const passes =
      error.retryAfterMs !== undefined || PASSING.has(error.code) || retryOn.includes(error.code)
    if (!error.retryable || !isSafe || !passes) return undefined
    const jitter = backoffMs(call.attempts, CALL_RETRY, this.#ports.random)
    return (error.retryAfterMs ?? 0) + Math.max(1, jitter)
  }

  /** While the answer may still come, the broker's own word on the deadline is worth a short wait. */
  #isOver(call: Call, now: number): boolean {
    const grace = call.state === 'sent' ? SDK_LIMITS.deadlineGraceMs : 0
    return now >= call.request.deadlineAt + grace
  }

  #expire(call: Call): void {
    const executed = call.mayHaveRun ? 'unknown' : 'no'
    const { lastError } = call
    this.#abandon(call, () =>
      lastError && executed === 'no'
        ? lastError
        : new ProtocolError(
            'DEADLINE_EXCEEDED',
            { where: 'client' },
            { where: 'client', executed },
          ),
    )
  }

  #abandon(call: Call, error: (executed: 'no' | 'unknown') => ProtocolError): void {
    if (call.state === 'sent') this.#ports.send({ kind: 'CANCEL', id: call.id }, EMPTY)
    this.#fail(call, error(call.mayHaveRun ? 'unknown' : 'no'))
  }

  #fail(call: Call, error: ProtocolError): void {
    this.#end(call, { ok: false, error })
  }

  #end(call: Call, outcome: Outcome): void {
    if (call.state === 'ended') return
    call.state = 'ended'
    this.#calls.delete(call)
    this.#sent.delete(call.id)
    call.request.settle(outcome)
  }
}

function noUsers(): ProtocolError {
  const details = { kind: 'REQUEST for a user' }
  return new ProtocolError('UNSUPPORTED', details, { where: 'client' })
}
