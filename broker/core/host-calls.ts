/**
 * Requests from the broker to hosts. Each ends once: by the host's answer, by the loss of the host, or
 * when the host has had its time and more.
 */
import { decodeBody, EMPTY, encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { RequestIds } from '../../protocol/ids.ts'
import { DEFAULT_DEADLINE_MS, ErrorBody } from '../../protocol/messages/calls.ts'
import type { Head } from '../../protocol/messages/index.ts'
import { type HostMethod, METHODS, type Params, type Result } from '../../protocol/methods/index.ts'
import { connectionAway } from './host-away.ts'
import type { Host } from './hosts.ts'

export type HostAnswer<M extends HostMethod> =
  | { readonly ok: true; readonly result: Result<M> }
  | { readonly ok: false; readonly error: ProtocolError }

/**
 * What a host has beyond the time of the request, ms. A host ends what it does by limits of its own, of
 * which that of a start is the longest, 60 s by default: only one that never answers comes here.
 */
const GRACE_MS = 60_000
/** Requests that one host may have unanswered; far above what a host that answers ever has. */
const MAX_PER_HOST = 4096

interface Waiting {
  /** Monotonic, ms. */
  readonly deadlineAt: number
  readonly host: string
  readonly connection: string
  readonly method: HostMethod
  readonly onAnew: (() => void) | undefined
  readonly done: (answer: HostAnswer<HostMethod>) => void
}

/** gone: it may be back or not; anew: its host is there, and greets or has greeted anew. */
export type ConnectionLoss = 'gone' | 'anew'

export interface HostRequest<M extends HostMethod> {
  readonly method: M
  readonly params: Params<M>
  /** Time the host has, ms; 0 = the default. */
  readonly remainingMs?: number
  readonly trace?: string
  /** Called in place of `done` when the host begins anew; absent: then it ends as with a host that is lost. */
  readonly onAnew?: () => void
}

export class HostCalls {
  readonly #send: (connection: string, head: Head, body: Buffer) => void
  readonly #ids = new RequestIds()
  readonly #waiting = new Map<string, Waiting>()
  readonly #perConnection = new Map<string, number>()
  readonly #now: () => number

  constructor(send: (connection: string, head: Head, body: Buffer) => void, now: () => number) {
    this.#send = send
    this.#now = now
  }

  get inFlight(): number {
    return this.#waiting.size
  }

  /** Asks; a host that is away, or has too much unanswered, fails at once. Returns what cancels the request. */
  request<M extends HostMethod>(
    host: Host,
    request: HostRequest<M>,
    done: (answer: HostAnswer<M>) => void,
  ): () => void {
    const { connection } = host
    if (connection === undefined) {
      done({ ok: false, error: connectionAway(host, this.#now()) })
      return () => {}
    }
    const unanswered = this.#perConnection.get(connection) ?? 0
    if (unanswered >= MAX_PER_HOST) {
      const what = `the queue of requests to host ${host.registration.name}`
      done({ ok: false, error: new ProtocolError('OVERLOADED', { what, limit: MAX_PER_HOST }) })
      return () => {}
    }
    this.#perConnection.set(connection, unanswered + 1)
    const id = this.#ids.next()
    this.#waiting.set(id, {
      deadlineAt: this.#now() + (request.remainingMs || DEFAULT_DEADLINE_MS) + GRACE_MS,
      host: host.registration.name,
      connection,
      method: request.method,
      onAnew: request.onAnew,
      done: done as Waiting['done'],
    })
    const head: Head = {
      kind: 'REQUEST',
      id,
      method: request.method,
      target: host.id,
      remaining_ms: request.remainingMs ?? 0,
      key: '',
      trace: request.trace ?? '',
    }
    this.#send(connection, head, encode(request.params))
    return () => this.#send(connection, { kind: 'CANCEL', id }, EMPTY)
  }

  replied(connection: string, id: string, body: Buffer): void {
    const waiting = this.#take(connection, id)
    if (waiting) waiting.done(readReply(waiting.method, body))
  }

  failed(connection: string, id: string, body: Buffer): void {
    const waiting = this.#take(connection, id)
    if (!waiting) return
    waiting.done({ ok: false, error: readError(body) })
  }

  connectionEnded(connection: string, loss: ConnectionLoss): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.connection !== connection) continue
      this.#forget(id, waiting)
      if (loss === 'anew' && waiting.onAnew) {
        waiting.onAnew()
        continue
      }
      const origin = { executed: 'unknown' } as const
      waiting.done({
        ok: false,
        error: new ProtocolError('HOST_LOST', { host: waiting.host }, origin),
      })
    }
  }

  /** Ends what a host had time enough for; what it made of it is not known. */
  tick(now: number): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.deadlineAt > now) continue
      this.#forget(id, waiting)
      this.#send(waiting.connection, { kind: 'CANCEL', id }, EMPTY)
      const origin = { executed: 'unknown' } as const
      waiting.done({
        ok: false,
        error: new ProtocolError('DEADLINE_EXCEEDED', { where: 'host' }, origin),
      })
    }
  }

  #take(connection: string, id: string): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    if (waiting?.connection !== connection) return undefined
    this.#forget(id, waiting)
    return waiting
  }

  #forget(id: string, { connection }: Waiting): void {
    this.#waiting.delete(id)
    const left = (this.#perConnection.get(connection) ?? 0) - 1
    if (left > 0) this.#perConnection.set(connection, left)
    else this.#perConnection.delete(connection)
  }
}

/** A reply that cannot be read says nothing of what was done. */
function readReply(method: HostMethod, body: Buffer): HostAnswer<HostMethod> {
  const details = { what: `the reply to ${method}` }
  try {
    const result = decodeBody(METHODS[method].result, body, 'INVALID_MESSAGE', details)
    return { ok: true, result }
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    const error = new ProtocolError('INTERNAL', { reason }, { executed: 'unknown', cause: thrown })
    return { ok: false, error }
  }
}

/** Errors are kept for repeats, with those of everybody: a host does not choose how much room that takes. */
const ERROR_LIMITS = { details: 16, characters: 4096 } as const

function bounded(error: ErrorBody): ErrorBody {
  const cut = (text: string): string => text.slice(0, ERROR_LIMITS.characters)
  const { details, ...rest } = error
  const kept = Object.entries(details ?? {}).slice(0, ERROR_LIMITS.details)
  return {
    ...rest,
    message: cut(error.message),
    ...(details && {
      details: Object.fromEntries(
        kept.map(([name, value]) => [cut(name), typeof value === 'string' ? cut(value) : value]),
      ),
    }),
  }
}

function readError(body: Buffer): ProtocolError {
  try {
    return ProtocolError.fromWire(bounded(decodeBody(ErrorBody, body)))
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    return new ProtocolError('INTERNAL', { reason }, { where: 'host', executed: 'unknown' })
  }
}
