/**
 * Calls: requests that clients made, each ending with exactly one REPLY or ERROR. One execution may have
 * several waiters, because a repeat with the same idempotency key attaches to it. Method handlers see a
 * `Call` and nothing of this.
 */
import { EMPTY, encode, keepable } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Identity } from '../../protocol/link/broker-link.ts'
import type { Head } from '../../protocol/messages/index.ts'
import type { BrokerMethod, Params, Result } from '../../protocol/methods/index.ts'
import type { Audit } from './audit/audit.ts'
import type { Asked, Target } from './audit/entry.ts'
import type { Batch } from './batch.ts'
import type { Clock } from './clock.ts'
import type { Operation } from './events.ts'
import { exceeds, type Idempotency, keyOfUnkeyed, type Outcome } from './idempotency.ts'
import type { Load } from './quotas.ts'
import { type Course, type End, failed, RunningCall } from './running-call.ts'
import type { Tally } from './tally.ts'

/** Who waits for the end of a call. */
export interface Waiter {
  readonly connection: string
  readonly principal: string
  /** The gateway that acts for it. */
  readonly via?: string | undefined
  readonly id: string
  readonly method: BrokerMethod
  /** Of its parameters. */
  readonly bytes: number
  /** When it asked, monotonic ms. */
  readonly since: number
  /** Monotonic, ms. */
  readonly deadlineAt: number
}

/** What a method handler works with. */
export interface Call<M extends BrokerMethod> {
  readonly method: M
  readonly params: Params<M>
  readonly identity: Identity
  readonly connection: string
  readonly trace: string
  /** Time that the most patient waiter has left, ms. */
  remainingMs(): number
  /**
   * Makes operations durable, together with the idempotency key, tells ACCEPTED, then goes on. `standing`:
   * what the call has come to with that, for a repeat that finds the broker restarted in between.
   */
  persist(operations: readonly Operation[], then: () => void, standing?: Result<M>): void
  /** What the call is about, once that has an id; before `persist`. For the audit log. */
  names(target: Target): void
  reply(result: Result<M>): void
  /** The same for a result that was put together as MessagePack. */
  replyEncoded(body: Buffer): void
  fail(error: ProtocolError): void
  /** Whether nobody wants the result any more. */
  isCancelled(): boolean
  /** Whether all who waited for it have gone, or have been told that their time is over. */
  isAbandoned(): boolean
  /** What to do when nobody wants the result any more; replaces what was set before. */
  onCancel(cancel: () => void): void
}

/** A keyed request: its full key and what identifies its content. */
export interface KeyedRequest {
  readonly key: string
  readonly hash: string
  /** Of who asks; absent = all. */
  readonly reach?: 'own'
}

/** What was asked, by whom. */
export interface CallRequest<M extends BrokerMethod> {
  readonly method: M
  readonly params: Params<M>
  readonly identity: Identity
  readonly trace: string
  readonly keyed: KeyedRequest | undefined
}

export interface CallsPorts {
  readonly clock: Clock
  /** What the audit log is to say of it; undefined when it is not told. */
  readonly asked: <M extends BrokerMethod>(
    request: CallRequest<M>,
    connection: string,
  ) => Asked | undefined
  readonly audit: Pick<Audit, 'ended' | 'endedUnwritten'>
  /** Of this life of the broker. */
  readonly epoch: () => number
  /** The clock of ages. */
  readonly ageNow: () => number
  readonly batch: Batch
  readonly idempotency: Idempotency
  readonly tally: Tally
  readonly send: (connection: string, head: Head, body: Buffer) => void
}

interface Running {
  readonly method: BrokerMethod
  readonly keyed: KeyedRequest | undefined
  /** Under which the journal knows it from `persist` on. */
  readonly record: KeyedRequest | undefined
  asked: Asked | undefined
  readonly startedAt: number
  readonly waiters: Waiter[]
  /** Waiters that said CANCEL; the request still ends for them with everybody's REPLY or ERROR. */
  cancelled: readonly Waiter[]
  /**
   * written: given to the journal, so it may be done; accepted: in the journal; ending: has its outcome;
   * refusing: likewise, and nothing of it was written.
   */
  phase: 'begun' | 'written' | 'accepted' | 'ending' | 'refusing'
  /** Whoever asked has no right to it any more. */
  isRevoked: boolean
  cancel: (() => void) | undefined
}

const NOBODY: readonly Waiter[] = []
const IDLE: Load = { calls: 0, bytes: 0 }

export class Calls {
  readonly #ports: CallsPorts
  readonly #running = new Set<Running>()
  readonly #byKey = new Map<string, Running>()
  readonly #byWaiter = new Map<string, Running>()
  readonly #perConnection = new Map<string, number>()
  readonly #perPrincipal = new Map<string, { calls: number; bytes: number }>()
  #unkeyed = 0
  readonly #course: Course<Running> = {
    remainingMs: (running) => this.#remainingMs(running),
    persist: (running, operations, then, standing) => {
      this.#persist(running, [...operations, ...this.#begun(running, standing)], then)
    },
    names: (running, target) => {
      running.asked = running.asked && { ...running.asked, ...target }
    },
    end: (running, outcome) => this.#end(running, outcome),
    isCancelled,
    isAbandoned: (running) => running.waiters.length === 0 || isCancelled(running),
    onCancel: (running, cancel) => {
      running.cancel = cancel
    },
  }

  constructor(ports: CallsPorts) {
    this.#ports = ports
  }

  get inFlight(): number {
    return this.#running.size
  }

  inFlightOf(connection: string): number {
    return this.#perConnection.get(connection) ?? 0
  }

  /** What is under way for this principal, and by its way for others. */
  loadOf(principal: string): Load {
    return this.#perPrincipal.get(principal) ?? IDLE
  }

  /** Whether this connection waits for the end of a request with this id. */
  isUnderWay(connection: string, id: string): boolean {
    return this.#byWaiter.has(waiterKey(connection, id))
  }

  /** Joins the execution that runs under this key; false when there is none. Throws CONFLICT or FORBIDDEN. */
  attach(keyed: KeyedRequest, waiter: Waiter): boolean {
    const running = this.#byKey.get(keyed.key)
    if (!running) return false
    if (running.keyed?.hash !== keyed.hash) throw conflict(keyed.key)
    if (exceeds(running.keyed, keyed)) throw outgrown(waiter)
    this.#addWaiter(running, waiter)
    if (running.phase === 'accepted' || running.phase === 'ending')
      this.#send(waiter, { kind: 'ACCEPTED', id: waiter.id }, EMPTY)
    return true
  }

  begin<M extends BrokerMethod>(request: CallRequest<M>, waiter: Waiter): Call<M> {
    const { keyed } = request
    const asked = this.#ports.asked(request, waiter.connection)
    const running: Running = {
      method: request.method,
      keyed,
      record: keyed ?? (asked && this.#unkeyedRecord()),
      asked,
      startedAt: this.#ports.ageNow(),
      waiters: [],
      cancelled: NOBODY,
      phase: 'begun',
      isRevoked: false,
      cancel: undefined,
    }
    this.#running.add(running)
    if (keyed) this.#byKey.set(keyed.key, running)
    this.#addWaiter(running, waiter)
    return new RunningCall(request, waiter.connection, running, this.#course)
  }

  /** A waiter no longer wants its result. False when no such call runs. */
  cancel(connection: string, id: string): boolean {
    const running = this.#byWaiter.get(waiterKey(connection, id))
    if (!running) return false
    for (const waiter of running.waiters) {
      if (waiter.connection === connection && waiter.id === id)
        running.cancelled = [...running.cancelled, waiter]
    }
    if (isCancelled(running)) running.cancel?.()
    return true
  }

  connectionEnded(connection: string): void {
    for (const running of this.#running) {
      const gone = running.waiters.filter((waiter) => waiter.connection === connection)
      for (const waiter of gone) this.#removeWaiter(running, waiter)
    }
  }

  /**
   * A principal has other rights than before: its calls, and those that it makes for others, end at once; what
   * was accepted is still carried out.
   */
  revoke(principal: string): void {
    for (const running of this.#running) {
      const theirs = running.waiters.filter((one) => isOf(one, principal))
      if (theirs.length === 0) continue
      for (const waiter of theirs) {
        const executed = running.phase === 'begun' ? 'no' : 'unknown'
        const details = { principal, scope: 'any', method: waiter.method }
        this.#removeWaiter(running, waiter)
        this.tell(waiter, failed(new ProtocolError('FORBIDDEN', details, { executed })))
      }
      running.isRevoked = running.waiters.length === 0
      if (running.isRevoked) running.cancel?.()
    }
  }

  /** Tells the waiters whose time is over; the execution itself goes on to its end. */
  tick(now: number): void {
    for (const running of this.#running) {
      for (const waiter of running.waiters.filter(({ deadlineAt }) => deadlineAt <= now)) {
        const executed = running.phase === 'begun' ? 'no' : 'unknown'
        const error = new ProtocolError('DEADLINE_EXCEEDED', { where: 'broker' }, { executed })
        this.#removeWaiter(running, waiter)
        this.tell(waiter, failed(error))
      }
    }
  }

  #persist(running: Running, operations: readonly Operation[], then: () => void): void {
    const { batch } = this.#ports
    running.phase = 'written'
    batch.add(operations, (error) => {
      if (error) {
        running.phase = 'begun' // nothing of it is on disk
        this.#end(running, failed(ProtocolError.from(error, 'broker', 'no')))
        return
      }
      running.phase = 'accepted'
      for (const waiter of [...running.waiters]) {
        this.#send(waiter, { kind: 'ACCEPTED', id: waiter.id }, EMPTY)
      }
      this.#goOn(running, then)
    })
  }

  /** A defect in what follows must not leave its waiters without an end. */
  #goOn(running: Running, then: () => void): void {
    try {
      then()
    } catch (thrown) {
      this.#end(running, failed(ProtocolError.from(thrown, 'broker', 'unknown')))
      throw thrown
    }
  }

  /** Nobody can repeat a request without a key, but a later broker finds it, for the audit log. */
  #unkeyedRecord(): KeyedRequest {
    this.#unkeyed += 1
    return { key: keyOfUnkeyed(this.#ports.epoch(), this.#unkeyed), hash: '' }
  }

  #begun({ record, keyed, ...running }: Running, standing: object | undefined): Operation[] {
    if (!record) return []
    const { method, startedAt, asked } = running
    const outcome: Outcome = {
      ...{ state: 'running', ...(standing && { standing: keepable(encode(standing)) }) },
      ...(asked && { asked: keyed ? besidesKey(asked) : asked }),
    }
    const { key, ...request } = record
    return [this.#ports.idempotency.set(key, { method, ...request, at: startedAt, outcome })]
  }

  /** The outcome of an accepted keyed call is made durable before anybody hears of it. */
  #end(running: Running, outcome: End): void {
    if (!this.#running.has(running) || hasOutcome(running)) return
    const { batch, idempotency, audit } = this.#ports
    const { phase, keyed, record, asked } = running
    running.phase = phase === 'begun' ? 'refusing' : 'ending'
    const settle = (): void => this.#settle(running, outcome)
    if (phase === 'begun') {
      // Nothing was done: the same key may be tried again.
      if (record) idempotency.delete(record.key)
      if (asked) audit.endedUnwritten(asked, outcome, settle)
      else settle()
      return
    }
    const operations = this.#outcome(running, outcome)
    const written = keyed ? settle : noop
    if (asked) audit.ended(asked, outcome, operations, written)
    else batch.add(operations(), written)
    if (!keyed) settle() // nobody can ask again, so nothing is promised for it
  }

  /** What of the end is written. A later try finds out whether that is still to be written. */
  #outcome({ record, keyed, method, startedAt }: Running, outcome: End): () => Operation[] {
    const { idempotency } = this.#ports
    if (!record) return () => []
    const { key, ...request } = record
    if (keyed && !wasNotDone(outcome)) {
      const ended = { method, ...request, at: startedAt, outcome: kept(outcome) }
      const operation = idempotency.set(key, ended)
      return () => (idempotency.get(key) === ended ? [operation] : [])
    }
    const operation = idempotency.delete(key)
    // The key is free: the next request with it has a record of its own.
    return () => (idempotency.get(key) === undefined ? [operation] : [])
  }

  #settle(running: Running, outcome: End): void {
    this.#running.delete(running)
    if (running.keyed) this.#byKey.delete(running.keyed.key)
    for (const waiter of [...running.waiters]) {
      this.#removeWaiter(running, waiter)
      this.tell(waiter, outcome)
    }
  }

  /** Sends a stored or fresh outcome. */
  tell(waiter: Waiter, outcome: End): void {
    const { clock, tally } = this.#ports
    const code = outcome.state === 'failed' ? outcome.error.code : undefined
    tally.answered(waiter.method, code, clock.now() - waiter.since)
    if (outcome.state === 'replied') {
      this.#send(waiter, { kind: 'REPLY', id: waiter.id }, outcome.body)
    } else {
      this.#send(waiter, { kind: 'ERROR', id: waiter.id }, encode(outcome.error))
    }
  }

  #remainingMs(running: Running): number {
    const now = this.#ports.clock.now()
    const latest = Math.max(0, ...running.waiters.map(({ deadlineAt }) => deadlineAt - now))
    return Math.max(1, Math.round(latest))
  }

  #addWaiter(running: Running, waiter: Waiter): void {
    running.waiters.push(waiter)
    this.#byWaiter.set(waiterKey(waiter.connection, waiter.id), running)
    this.#perConnection.set(waiter.connection, this.inFlightOf(waiter.connection) + 1)
    this.#charge(waiter, 1)
  }

  #removeWaiter(running: Running, waiter: Waiter): void {
    const at = running.waiters.indexOf(waiter)
    if (at < 0) return
    running.waiters.splice(at, 1)
    this.#byWaiter.delete(waiterKey(waiter.connection, waiter.id))
    const left = this.inFlightOf(waiter.connection) - 1
    if (left > 0) this.#perConnection.set(waiter.connection, left)
    else this.#perConnection.delete(waiter.connection)
    this.#charge(waiter, -1)
  }

  /** Counts it for its principal and for the gateway, or takes it off again. */
  #charge({ principal, via, bytes }: Waiter, sign: 1 | -1): void {
    for (const name of via === undefined ? [principal] : [principal, via]) {
      const load = this.#perPrincipal.get(name) ?? { calls: 0, bytes: 0 }
      load.calls += sign
      load.bytes += sign * bytes
      if (load.calls === 0) this.#perPrincipal.delete(name)
      else if (load.calls === sign) this.#perPrincipal.set(name, load)
    }
  }

  #send(waiter: Waiter, head: Head, body: Buffer): void {
    this.#ports.send(waiter.connection, head, body)
  }
}

function hasOutcome({ phase }: Running): boolean {
  return phase === 'ending' || phase === 'refusing'
}

function noop(): void {}

/** It is kept for a day. */
function kept(outcome: End): End {
  return outcome.state === 'replied' ? { ...outcome, body: keepable(outcome.body) } : outcome
}

/** What the record of an idempotency key does not tell already. */
function besidesKey({ principal: _, method: __, key: ___, ...rest }: Asked): Partial<Asked> {
  return rest
}

export function conflict(key: string): ProtocolError {
  return new ProtocolError('CONFLICT', { key: key.slice(key.indexOf('\n') + 1) })
}

/** It was done with a wider reach than its caller has now: its answer may be of what is not the caller's. */
export function outgrown({ principal, method }: Waiter): ProtocolError {
  const details = { principal, scope: 'reach all', method }
  return new ProtocolError('FORBIDDEN', details, { executed: 'unknown' })
}

/** Whether this principal waits, or waits for somebody else. */
function isOf({ principal, via }: Waiter, name: string): boolean {
  return principal === name || via === name
}

function isCancelled({ waiters, cancelled, isRevoked }: Running): boolean {
  if (isRevoked) return waiters.length === 0 // unless it was asked for again meanwhile
  return waiters.length > 0 && waiters.every((waiter) => cancelled.includes(waiter))
}

function wasNotDone(outcome: Outcome): boolean {
  return outcome.state === 'failed' && outcome.error.executed === 'no'
}

function waiterKey(connection: string, id: string): string {
  return `${connection}\n${id}`
}
