/** Parameters of chat.* as the old daemon looked at them: one after the other, each with words of its own. */
import { type Decoded, decode, decodeLeniently, ParamsFault } from './fields.ts'
import { isMap, type JsonValue } from './json/value.ts'
import { PARAMS } from './methods.ts'
import { badParams } from './rpc-error.ts'
import { parseUuid } from './uuid.ts'

/** Of a request that starts a chat; what does not fit is as if it were not there. */
export function chatStart(params: JsonValue, isStrict: boolean): Decoded<typeof PARAMS.chatStart> {
  if (!isStrict || params === null) return decodeLeniently(PARAMS.chatStart, params)
  return orBadParams(() => decode(PARAMS.chatStart, params, true))
}

export interface ChatTarget {
  readonly session: string
  readonly prompt: string
}

/** The session that a request is about, and its prompt if it `hasPrompt`. */
export function chatTarget(params: JsonValue, hasPrompt: boolean): ChatTarget {
  if (params === null) throw badParams('Missing params')
  const members = isMap(params) ? params : undefined
  const id = members?.get('session_id')
  if (typeof id !== 'string') throw badParams('session_id required')
  const session = parseUuid(id)
  if (session === undefined) throw badParams('Invalid session_id')
  const prompt = members?.get('prompt')
  if (!hasPrompt) return { session, prompt: '' }
  if (typeof prompt !== 'string') throw badParams('prompt required')
  return { session, prompt }
}

/** Runs a decoding; what is wrong with the parameters becomes an answer. */
export function orBadParams<T>(run: () => T): T {
  try {
    return run()
  } catch (thrown) {
    if (thrown instanceof ParamsFault) throw badParams(`Invalid params: ${thrown.message}`)
    throw thrown
  }
}
