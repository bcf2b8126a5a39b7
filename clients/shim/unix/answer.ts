/** One line of the Unix socket to its reply. */
import { answerBatch } from '../legacy/batch.ts'
import { asRpcError } from '../legacy/failures.ts'
import { JsonFault } from '../legacy/json/fault.ts'
import { errorReply, resultReply } from '../legacy/reply.ts'
import { type RpcRequest, readBatch, readRequest } from '../legacy/request.ts'
import { invalidRequest, RpcError } from '../legacy/rpc-error.ts'
import { answerStrictly } from '../legacy/strict.ts'
import type { UnixMethods } from './methods.ts'

export interface AnswerOptions {
  readonly maxBatch: number
  readonly isStrict: boolean
}

const PARSE_ERROR = new RpcError(-32700, 'Parse error')

/** Undefined when nothing is to be said, which only strict callers know. */
export async function answerLine(
  methods: UnixMethods,
  given: string,
  { maxBatch, isStrict }: AnswerOptions,
): Promise<string | undefined> {
  const line = given.trim()
  if (isStrict) {
    return answerStrictly(line, maxBatch, ({ method, params }) =>
      run(methods, method, params, true),
    )
  }
  if (line === '') return errorReply(null, invalidRequest())
  try {
    if (!line.startsWith('[')) return await reply(methods, readRequest(line))
    const requests = readBatch(line)
    if (requests.length === 0) return errorReply(null, invalidRequest())
    if (requests.length > maxBatch) {
      const message = `Resource exhausted: a batch has at most ${maxBatch} requests`
      return errorReply(null, { code: -32011, message })
    }
    const replies = await answerBatch(requests, {
      answer: (request) => reply(methods, request),
      refuse: ({ id }, error) => errorReply(id, error),
    })
    return `[${replies.join(',')}]`
  } catch (thrown) {
    if (thrown instanceof JsonFault) return errorReply(null, PARSE_ERROR)
    throw thrown
  }
}

async function reply(methods: UnixMethods, { method, params, id }: RpcRequest): Promise<string> {
  try {
    return resultReply(id, await run(methods, method, params, false))
  } catch (thrown) {
    return errorReply(id, asRpcError(thrown))
  }
}

/** Rejects with RpcError only. */
async function run(
  methods: UnixMethods,
  ...[method, params, isStrict]: Parameters<UnixMethods['call']>
): Promise<unknown> {
  try {
    return await methods.call(method, params, isStrict)
  } catch (thrown) {
    throw asRpcError(thrown)
  }
}
