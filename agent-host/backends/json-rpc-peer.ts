/**
 * JSON-RPC 2.0 over lines, for CLIs that are driven by it: requests both ways, each side with ids of
 * its own (both count from 0, so a message is a response when it has no `method`, never by its id).
 * Pure: lines in, lines out. No line makes it throw, and none is left without an answer it waits for.
 */
import { asRecord, type JsonRecord, numberAt, stringAt } from './json.ts'

export type RpcId = string | number

/** How a request to the peer ended without a result. */
export interface RpcFailure {
  /**
   * `refused`: the peer answered with an error. `malformed`: its answer is neither result nor error.
   * `overloaded`: too many requests wait already. `closed`: the conversation is over.
   */
  readonly kind: 'refused' | 'malformed' | 'overloaded' | 'closed'
  readonly message: string
  /** With `refused`, the peer's own number. */
  readonly code?: number
  /** With `refused`, what the peer added. */
  readonly data?: unknown
}

export type RpcOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly failure: RpcFailure }

/** A request of the peer. It is answered once; later answers do nothing and say false. */
export interface RpcRequest {
  readonly id: RpcId
  readonly method: string
  readonly params: JsonRecord
  answer(result: unknown): boolean
  refuse(code: number, message: string): boolean
  /** The peer no longer waits. */
  drop(): void
}

export interface RpcPort {
  writeLine(line: string): void
  notification(method: string, params: JsonRecord): void
  /** Says whether it takes the request, to answer it now or later. One that is not taken is refused. */
  request(request: RpcRequest): boolean
  /** Something of the peer that is no message, or none that was expected. May be long. */
  diagnose(message: string): void
}

export interface RpcOptions {
  /** Whether messages carry `"jsonrpc":"2.0"`; incoming ones may or may not. */
  readonly version: boolean
}

/** Requests that wait for the peer at once; a CLI that answers none must not fill the memory. */
export const MAX_OUTSTANDING = 64
/** Requests of the peer that wait for us at once. */
export const MAX_UNANSWERED = 64

export const RPC_ERRORS = {
  invalidRequest: -32600,
  methodNotFound: -32601,
  internal: -32603,
  overloaded: -32000,
} as const

export class JsonRpcPeer {
  readonly #port: RpcPort
  readonly #head: JsonRecord
  readonly #waiting = new Map<RpcId, (outcome: RpcOutcome) => void>()
  readonly #unanswered = new Set<RpcId>()
  #nextId = 0
  #closed: string | undefined

  constructor(port: RpcPort, { version }: RpcOptions) {
    this.#port = port
    this.#head = version ? { jsonrpc: '2.0' } : {}
  }

  /** Asks the peer. `settled` is called exactly once, at once when the request cannot be sent. */
  request(method: string, params: JsonRecord, settled: (outcome: RpcOutcome) => void): void {
    if (this.#closed !== undefined) {
      settled(failed({ kind: 'closed', message: this.#closed }))
    } else if (this.#waiting.size >= MAX_OUTSTANDING) {
      const message = `${MAX_OUTSTANDING} requests wait for an answer already`
      settled(failed({ kind: 'overloaded', message }))
    } else {
      const id = this.#nextId++
      this.#waiting.set(id, settled)
      this.#write({ id, method, params })
    }
  }

  notify(method: string, params?: JsonRecord): void {
    if (this.#closed === undefined) this.#write({ method, ...(params && { params }) })
  }

  /** One line of the peer. */
  line(text: string): void {
    if (this.#closed !== undefined || text.trim() === '') return
    const message = parse(text)
    if (!Array.isArray(message)) this.#message(message, text)
    else if (message.length === 0) this.#port.diagnose('an empty batch')
    // A batch is its messages one by one; the answers go out one by one as well.
    else for (const one of message) this.#message(one, text)
  }

  /** Ends it: what waits is told why, and nothing is read or written any more. */
  close(reason: string): void {
    if (this.#closed !== undefined) return
    this.#closed = reason
    this.#unanswered.clear()
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const settled of waiting) settled(failed({ kind: 'closed', message: reason }))
  }

  #message(value: unknown, source: string): void {
    const message = asRecord(value)
    if (message === undefined) this.#port.diagnose(`not a message: ${source}`)
    else if (Object.hasOwn(message, 'method')) this.#call(message)
    else this.#response(message, source)
  }

  #call(message: JsonRecord): void {
    const method = stringAt(message, 'method')
    const id = idOf(message)
    const params = asRecord(message['params']) ?? {}
    if (method === undefined) {
      this.#port.diagnose('a message whose method is not a string')
      if (id !== undefined) this.#refuse(id, RPC_ERRORS.invalidRequest, 'method must be a string')
    } else if (id !== undefined) this.#request(id, method, params)
    else if (message['id'] === undefined || message['id'] === null) {
      this.#port.notification(method, params)
    } else this.#port.diagnose(`a request ${method} whose id is neither string nor number`)
  }

  #request(id: RpcId, method: string, params: JsonRecord): void {
    if (this.#unanswered.has(id)) {
      // An answer now would be taken for the answer to the first one.
      this.#port.diagnose(`a second request ${method} with the id ${id} of an open one`)
      return
    }
    if (this.#unanswered.size >= MAX_UNANSWERED) {
      this.#port.diagnose(`request ${method} refused: ${MAX_UNANSWERED} wait already`)
      this.#refuse(id, RPC_ERRORS.overloaded, 'too many requests wait for an answer')
      return
    }
    this.#unanswered.add(id)
    const taken = this.#port.request({
      id,
      method,
      params,
      answer: (result) => this.#settle(id, { result: result ?? null }),
      refuse: (code, text) => this.#settle(id, { error: { code, message: text } }),
      drop: () => this.#unanswered.delete(id),
    })
    if (taken) return
    this.#settle(id, { error: { code: RPC_ERRORS.methodNotFound, message: `no method ${method}` } })
  }

  #settle(id: RpcId, answer: JsonRecord): boolean {
    if (!this.#unanswered.delete(id)) return false
    this.#write({ id, ...answer })
    return true
  }

  #refuse(id: RpcId, code: number, message: string): void {
    this.#write({ id, error: { code, message } })
  }

  #response(message: JsonRecord, source: string): void {
    const id = idOf(message)
    const settled = id === undefined ? undefined : this.#waiting.get(id)
    if (id === undefined || settled === undefined) {
      this.#port.diagnose(`a response that nobody waits for: ${source}`)
      return
    }
    this.#waiting.delete(id)
    settled(outcomeOf(message))
  }

  #write(message: JsonRecord): void {
    this.#port.writeLine(JSON.stringify({ ...this.#head, ...message }))
  }
}

/** An `error` of null beside a result is how older peers say that there was none. */
function outcomeOf(message: JsonRecord): RpcOutcome {
  const { error } = message
  if (error === undefined || error === null) {
    if (Object.hasOwn(message, 'result')) return { ok: true, result: message['result'] }
    return failed({ kind: 'malformed', message: 'an answer with neither result nor error' })
  }
  const { code, data, text } = describe(error)
  return failed({
    kind: 'refused',
    message: text,
    ...(code !== undefined && { code }),
    ...(data !== undefined && { data }),
  })
}

function describe(error: unknown) {
  const record = asRecord(error) ?? {}
  return {
    code: numberAt(record, 'code'),
    data: record['data'],
    text: stringAt(record, 'message') ?? 'an error without a message',
  }
}

function failed(failure: RpcFailure): RpcOutcome {
  return { ok: false, failure }
}

function idOf(message: JsonRecord): RpcId | undefined {
  return stringAt(message, 'id') ?? numberAt(message, 'id')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
