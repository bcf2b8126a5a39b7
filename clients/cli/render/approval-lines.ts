/** Questions of agents and their ends, a line each. */
import type { ChunkBody } from '../../../protocol/messages/chunk.ts'
import { shortId } from '../session-text.ts'
import { truncate } from './display-width.ts'
import { safeLine } from './safe-text.ts'
import type { Style } from './style.ts'

const MAX_WIDTH = 160

interface Question {
  readonly tool_name: string
  readonly input?: unknown
  readonly title?: string
}

/** `Bash: touch x`: what would be run, in one line. */
export function questionText({ tool_name, input, title }: Question): string {
  const what = input === undefined ? (title ?? '') : subject(input)
  return truncate(safeLine(what === '' ? tool_name : `${tool_name}: ${what}`), MAX_WIDTH)
}

/** The one word that matters when there is only one; else all of it, so that nothing is hidden. */
function subject(input: unknown): string {
  if (typeof input !== 'object' || input === null) return String(input)
  const fields = Object.entries(input).filter(([name]) => name !== 'description')
  const [only] = fields
  if (fields.length === 1 && typeof only?.[1] === 'string') return only[1]
  return JSON.stringify(input)
}

export function requestLine(body: ChunkBody<'approval_request'>, style: Style): string {
  return `${style.yellow(`? ${questionText(body)}`)} ${style.dim(`(approval ${shortId(body.approval)})`)}`
}

const DECIDED = { allow: 'allowed', allow_always: 'always allowed', deny: 'denied' } as const

/** `denied by anna: not here`. */
export function outcomeText({
  outcome,
  by,
  reason = '',
}: Pick<ChunkBody<'approval_settled'>, 'outcome' | 'by' | 'reason'>): string {
  const how = Object.hasOwn(DECIDED, outcome) ? DECIDED[outcome as keyof typeof DECIDED] : outcome
  return safeLine(`${how}${by && ` by ${by}`}${reason && `: ${reason}`}`)
}

export function settledLine(body: ChunkBody<'approval_settled'>, style: Style): string {
  const text = `${outcomeText(body)} ${style.dim(`(approval ${shortId(body.approval)})`)}`
  if (body.outcome === 'withdrawn') return style.dim(`· ${text}`)
  const isAllowed = body.outcome === 'allow' || body.outcome === 'allow_always'
  return isAllowed ? style.green(`✓ ${text}`) : style.red(`✗ ${text}`)
}
