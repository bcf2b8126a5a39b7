/** Reads how a turn of an ACP agent ended. A turn that failed is an error of JSON-RPC, not a stop reason. */
import type { ErrorKind, TurnReason } from '../../protocol/messages/chunk.ts'
import type { BackendEvent } from './backend.ts'
import { kindOfStatus } from './failure-kind.ts'
import { asRecord, type JsonRecord, numberAt, parseRecord, recordAt, stringAt } from './json.ts'
import type { RpcFailure } from './json-rpc-peer.ts'

type ErrorEvent = Extract<BackendEvent, { type: 'error' }>
type UsageEvent = Extract<BackendEvent, { type: 'usage' }>

/** What the protocol answers when somebody has to log in first. */
export const AUTH_REQUIRED = -32000

const REASONS: Readonly<Record<string, TurnReason>> = {
  end_turn: 'end_turn',
  max_tokens: 'max_tokens',
  max_turn_requests: 'max_turns',
  refusal: 'refusal',
  cancelled: 'interrupted',
}

/** Undefined for a reason that this version of the protocol does not have. */
export function reasonOf(result: JsonRecord): TurnReason | undefined {
  const reason = stringAt(result, 'stopReason') ?? ''
  return Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined
}

/** `usage` is the protocol's; Gemini CLI 0.61 has the same in a place of its own. */
export function usageOf(result: JsonRecord, costUsd: number | undefined): UsageEvent | undefined {
  const usage = recordAt(result, 'usage')
  const quota = recordAt(recordAt(result, '_meta') ?? {}, 'quota')
  const own = quota && recordAt(quota, 'token_count')
  if (usage === undefined && own === undefined) return undefined
  const count = (name: string, ownName: string): number =>
    tokens(usage && numberAt(usage, name)) || tokens(own && numberAt(own, ownName))
  return {
    type: 'usage',
    inputTokens: count('inputTokens', 'input_tokens'),
    outputTokens: count('outputTokens', 'output_tokens'),
    ...(costUsd !== undefined && { costUsd }),
  }
}

export function errorOf(failure: RpcFailure): ErrorEvent {
  const message = wordsOf(failure)
  const kind = kindOf(failure, message)
  return { type: 'error', message, ...(kind && { kind }) }
}

/** Gemini CLI passes the answer of the model's server on as it came: JSON inside the message. */
function wordsOf({ message, data }: RpcFailure): string {
  const inner = recordAt(parseRecord(message) ?? {}, 'error')
  const words = (inner && stringAt(inner, 'message')) ?? message
  const record = asRecord(data)
  const details = typeof data === 'string' ? data : record && stringAt(record, 'details')
  return details === undefined || words.includes(details) ? words : `${words}: ${details}`
}

/** The code is the HTTP status (Gemini CLI), a name is in `data` (adapters), or only words are left. */
function kindOf({ kind, code = 0, data }: RpcFailure, words: string): ErrorKind | undefined {
  if (kind !== 'refused') return 'protocol'
  if (code === AUTH_REQUIRED) return 'auth'
  const name = stringAt(asRecord(data) ?? {}, 'errorKind') ?? ''
  if (name.startsWith('authentication')) return 'auth'
  if (name === 'rate_limit') return 'rate_limit'
  if (name === 'server_error') return 'server'
  const named = /\b([45]\d\d)\b/.exec(words)?.[1]
  return kindOfStatus(code >= 400 && code < 600 ? code : Number(named ?? 0))
}

function tokens(value: number | undefined): number {
  return value !== undefined && Number.isSafeInteger(value) && value > 0 ? value : 0
}
