/** How a turn of Codex (0.169.0) ended, what went wrong in it, and what it took in tokens. */
import type { ErrorKind, TurnReason } from '../../protocol/messages/chunk.ts'
import type { BackendEvent } from './backend.ts'
import { kindOfStatus } from './failure-kind.ts'
import {
  asRecord,
  countAt,
  entryOf,
  type JsonRecord,
  numberAt,
  recordAt,
  stringAt,
} from './json.ts'

type ErrorEvent = Extract<BackendEvent, { type: 'error' }>
type UsageEvent = Extract<BackendEvent, { type: 'usage' }>

const REASONS: Readonly<Record<string, TurnReason>> = {
  completed: 'end_turn',
  interrupted: 'interrupted',
  failed: 'error',
}

/** What `codexErrorInfo` says without a status; `other` can be anything. */
const KINDS: Readonly<Record<string, ErrorKind>> = {
  unauthorized: 'auth',
  usageLimitExceeded: 'rate_limit',
  rateLimitExceeded: 'rate_limit',
  serverOverloaded: 'server',
  internalServerError: 'server',
  modelNotFound: 'config',
  badRequest: 'config',
}

export function reasonOf(turn: JsonRecord): TurnReason {
  return entryOf(REASONS, stringAt(turn, 'status') ?? '') ?? 'error'
}

/** An `error` of a turn, or of a notification that tells one. */
export function errorEvent(error: JsonRecord, retrying: boolean): ErrorEvent {
  const details = stringAt(error, 'additionalDetails')
  const said = stringAt(error, 'message') ?? 'the turn failed'
  const message = details === undefined ? said : `${said}: ${details}`
  const kind = kindOf(error['codexErrorInfo'])
  return { type: 'error', message, ...(kind && { kind }), ...(retrying && { retrying }) }
}

/**
 * A word, or an object of one member that has the status of the answer, null where there was none. A
 * stream that broke off says null for whatever reason: also when the server had answered with 500.
 */
function kindOf(info: unknown): ErrorKind | undefined {
  if (typeof info === 'string') return entryOf(KINDS, info)
  const [[name, detail] = ['']] = Object.entries(asRecord(info) ?? {})
  const status = numberAt(asRecord(detail) ?? {}, 'httpStatusCode')
  if (status !== undefined) return kindOfStatus(status)
  return name.endsWith('ConnectionFailed') ? 'network' : undefined
}

/**
 * Codex tells the sum of the whole conversation after each request to the model. What a turn took is
 * the difference, whichever of the lines arrive.
 */
export class CodexUsage {
  #before: JsonRecord | undefined
  #total: JsonRecord | undefined

  /** A turn begins. */
  begin(): void {
    this.#before = this.#total
  }

  update(usage: JsonRecord): void {
    const total = recordAt(usage, 'total')
    if (total === undefined) return
    // Of a resumed conversation it is not known what it took before; `last` is the newest request.
    this.#before ??= difference(total, recordAt(usage, 'last') ?? {})
    this.#total = total
  }

  /** What the turn took; undefined when nothing was told in it. */
  taken(): UsageEvent | undefined {
    if (this.#total === undefined || this.#total === this.#before) return undefined
    return { type: 'usage', ...difference(this.#total, this.#before ?? {}) }
  }
}

function difference(total: JsonRecord, part: JsonRecord) {
  const rest = (name: string) => Math.max(0, countAt(total, name) - countAt(part, name))
  return { inputTokens: rest('inputTokens'), outputTokens: rest('outputTokens') }
}
