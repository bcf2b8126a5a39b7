/** JSON-RPC over HTTP, as the old daemon did it: the body of a request to the body of its reply. */
import { answerBatch } from '../legacy/batch.ts'
import { asRpcError } from '../legacy/failures.ts'
import { JsonFault } from '../legacy/json/fault.ts'
import type { JsonValue } from '../legacy/json/value.ts'
import { errorReply, resultReply, undecodableReply } from '../legacy/reply.ts'
import { type RpcRequest, readBatch, readRequest } from '../legacy/request.ts'
import { invalidRequest, RpcError } from '../legacy/rpc-error.ts'
import { answerStrictly } from '../legacy/strict.ts'
import type { Auth } from './auth.ts'

/** Rejects with RpcError, or with whatever the broker said. */
export type Dispatch = (method: string, params: JsonValue, isStrict: boolean) => Promise<unknown>

export interface HttpRpcPorts {
  /** Does it for this user, or for the shim itself. */
  readonly dispatchFor: (user: string | undefined) => Dispatch
  readonly auth: Auth
  readonly maxBatch: number
  /** A clock that never goes back, ms. */
  readonly now: () => number
  /** A method was called, and how that ended. */
  readonly answered: (durationMs: number, isError: boolean) => void
}

export interface Caller {
  /** The header. */
  readonly authorization: string | undefined
  readonly isStrict: boolean
}

export class HttpRpc {
  readonly #ports: HttpRpcPorts

  constructor(ports: HttpRpcPorts) {
    this.#ports = ports
  }

  /** The body of the reply; undefined when there is none. Never rejects for what a body says. */
  async answer(body: string, caller: Caller): Promise<string | undefined> {
    if (!caller.isStrict) return this.#answerLegacy(body, caller)
    return answerStrictly(body, this.#ports.maxBatch, (request) => this.#run(request, caller))
  }

  async #answerLegacy(body: string, caller: Caller): Promise<string> {
    const single = attempt(() => readRequest(body))
    if (!(single instanceof JsonFault)) return this.#reply(single, caller)
    const batch = attempt(() => readBatch(body))
    if (batch instanceof JsonFault) {
      return undecodableReply({ code: -32700, message: `Parse error: ${batch.inText(body)}` })
    }
    const { maxBatch } = this.#ports
    if (batch.length > maxBatch) {
      const message = `Resource exhausted: a batch has at most ${maxBatch} requests`
      return errorReply(null, { code: -32011, message })
    }
    const replies = await answerBatch(batch, {
      answer: (request) => this.#reply(request, caller),
      refuse: ({ id }, error) => errorReply(id, error),
    })
    return `[${replies.join(',')}]`
  }

  async #reply(request: RpcRequest, caller: Caller): Promise<string> {
    try {
      return resultReply(request.id, await this.#run(request, caller))
    } catch (thrown) {
      return errorReply(request.id, asRpcError(thrown))
    }
  }

  /** Rejects with RpcError only. */
  async #run({ jsonrpc, method, params }: RpcRequest, caller: Caller): Promise<unknown> {
    const { auth, dispatchFor } = this.#ports
    const admitted = await auth.admit(caller.authorization, params)
    if (!admitted) throw new RpcError(-32001, 'Authentication failed')
    if (jsonrpc !== '2.0') throw invalidRequest()
    return this.#counted(() => dispatchFor(admitted.user)(method, params, caller.isStrict))
  }

  async #counted(run: () => Promise<unknown>): Promise<unknown> {
    const { now, answered } = this.#ports
    const startedAt = now()
    try {
      const result = await run()
      answered(now() - startedAt, false)
      return result
    } catch (thrown) {
      answered(now() - startedAt, true)
      throw asRpcError(thrown)
    }
  }
}

function attempt<T>(run: () => T): T | JsonFault {
  try {
    return run()
  } catch (thrown) {
    if (thrown instanceof JsonFault) return thrown
    throw thrown
  }
}
