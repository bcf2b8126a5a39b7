/**
 * Reads the `result` line that ends a turn of Claude Code (2.1.330). Its `subtype` alone says little:
 * a failure of the API is `subtype: "success"` with `is_error: true`.
 */
import type { TurnReason } from '../../protocol/messages/chunk.ts'
import type { BackendEvent } from './backend.ts'
import { kindOfStatus } from './failure-kind.ts'
import {
  countAt,
  type JsonRecord,
  numberAt,
  recordAt,
  recordsAt,
  stringAt,
  stringsAt,
} from './json.ts'

type ErrorEvent = Extract<BackendEvent, { type: 'error' }>
type UsageEvent = Extract<BackendEvent, { type: 'usage' }>
type ErrorKind = NonNullable<ErrorEvent['kind']>

export interface Outcome {
  readonly reason: TurnReason
  /** What went wrong, when something did that nobody asked for. */
  readonly error?: ErrorEvent
}

export interface TurnFacts {
  /** An interrupt was asked for in this turn. */
  readonly interrupted: boolean
  /** The `error` of a synthetic assistant message, such as `authentication_failed`. */
  readonly failure: string | undefined
}

/** How the turn ended, by the CLI's own account. */
export function outcomeOf(result: JsonRecord, facts: TurnFacts): Outcome {
  const subtype = stringAt(result, 'subtype') ?? ''
  const terminal = stringAt(result, 'terminal_reason') ?? ''
  if (isInterruption(subtype, terminal, facts)) return { reason: 'interrupted' }
  if (subtype === 'error_max_turns' || terminal === 'max_turns') return { reason: 'max_turns' }
  if (result['is_error'] !== true && !subtype.startsWith('error')) {
    return { reason: stopReason(stringAt(result, 'stop_reason')) }
  }
  const message = failureText(result) || `the turn failed (${subtype || 'no reason given'})`
  const kind =
    stringAt(result, 'terminal_reason') === 'api_error' ? apiKind(result, facts) : undefined
  return { reason: 'error', error: { type: 'error', message, ...(kind && { kind }) } }
}

/** Tokens and cost of the turn; undefined when the line has no account. */
export function usageOf(result: JsonRecord, earlierCostUsd: number): UsageEvent | undefined {
  const usage = recordAt(result, 'usage')
  if (usage === undefined) return undefined
  const costUsd = turnCost(result, earlierCostUsd)
  return {
    type: 'usage',
    inputTokens:
      countAt(usage, 'input_tokens') +
      countAt(usage, 'cache_creation_input_tokens') +
      countAt(usage, 'cache_read_input_tokens'),
    outputTokens: countAt(usage, 'output_tokens'),
    ...(costUsd !== undefined && { costUsd }),
  }
}

/** What the CLI does while it tries again, in words, since it gives none. */
export function retryEvent(message: JsonRecord): ErrorEvent {
  const status = numberAt(message, 'error_status')
  const failure = stringAt(message, 'error')
  const kind = failureKind(status, failure)
  const what = [status, failure]
    .filter((part) => part !== undefined && part !== 'unknown')
    .join(' ')
  const attempt = `attempt ${count(message, 'attempt')} of ${count(message, 'max_retries')}`
  const when = `in ${count(message, 'retry_delay_ms')} ms`
  const text = `API error ${what || 'without an answer'}: ${attempt} ${when}`
  return { type: 'error', message: text, ...(kind && { kind }), retrying: true }
}

/** The content of a tool result as text: a string, or blocks of which the text is taken. */
export function toolResultText(content: unknown): string {
  if (typeof content === 'string') return content
  const blocks = recordsAt({ content }, 'content')
  return blocks
    .map((block) => stringAt(block, 'text') ?? `[${stringAt(block, 'type') ?? 'unknown'}]`)
    .join('\n')
}

function isInterruption(subtype: string, terminal: string, facts: TurnFacts): boolean {
  if (terminal === 'aborted_streaming' || terminal === 'aborted_tools') return true
  return facts.interrupted && subtype === 'error_during_execution'
}

function stopReason(reason: string | undefined): TurnReason {
  return reason === 'max_tokens' || reason === 'refusal' ? reason : 'end_turn'
}

function failureText(result: JsonRecord): string {
  const texts = [stringAt(result, 'error'), stringAt(result, 'result')]
  return texts.find((text) => text) || stringsAt(result, 'errors').join('\n')
}

function apiKind(result: JsonRecord, facts: TurnFacts): ErrorKind | undefined {
  return failureKind(numberAt(result, 'api_error_status'), facts.failure)
}

/**
 * Without a status the request never got an answer, unless it was not sent for want of a login. The
 * CLI's own word is used for that alone: for a refused connection it says `server_error`.
 */
function failureKind(
  status: number | undefined,
  failure: string | undefined,
): ErrorKind | undefined {
  if (status === undefined) return failure === 'authentication_failed' ? 'auth' : 'network'
  return kindOfStatus(status)
}

/**
 * `total_cost_usd` grows over the whole conversation, also over --resume, where the new process does
 * not know what was reported before. `model_usage_since_last_result` is exact where it is sent.
 */
function turnCost(result: JsonRecord, earlierCostUsd: number): number | undefined {
  const models = recordAt(result, 'model_usage_since_last_result')
  const total = numberAt(result, 'total_cost_usd')
  if (models !== undefined) {
    return money(Object.keys(models).reduce((sum, name) => sum + modelCost(models, name), 0))
  }
  return total === undefined ? undefined : money(total - earlierCostUsd)
}

function modelCost(models: JsonRecord, name: string): number {
  const model = recordAt(models, name)
  return (model && numberAt(model, 'costUSD')) ?? 0
}

/** Not negative, and without the noise of sums of binary fractions. */
function money(usd: number): number {
  return Math.round(Math.max(0, usd) * 1e9) / 1e9
}

function count(message: JsonRecord, name: string): string {
  return String(numberAt(message, name) ?? '?')
}
