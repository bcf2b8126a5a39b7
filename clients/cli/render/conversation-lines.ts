/** The single lines around a conversation: prompts, the end of a session, what is missing. */
import type { ChunkBody } from '../../../protocol/messages/chunk.ts'
import type { StreamItem } from '../../sdk/index.ts'
import { safeLine } from './safe-text.ts'
import type { Style } from './style.ts'

export function promptLines(text: string, style: Style): string[] {
  const [first = '', ...rest] = text.trimEnd().split('\n')
  return [style.bold(`› ${first}`), ...rest.map((line) => style.bold(`  ${line}`))]
}

export function endLine(end: ChunkBody<'complete'>, style: Style): string {
  const text = safeLine(`· the agent has ended: ${exitText(end)}`)
  return end.exit_code === 0 ? style.dim(text) : style.red(text)
}

/** `exit code 1 (crashed)`, `SIGKILL`, or what else is known. */
export function exitText(end: {
  readonly exit_code: number | null
  readonly signal?: string
  readonly reason?: string
}): string {
  const how =
    end.exit_code === null ? end.signal || 'exit code unknown' : `exit code ${end.exit_code}`
  return end.reason && end.reason !== how ? `${how} (${end.reason})` : how
}

export function gapLine(gap: Extract<StreamItem, { type: 'gap' }>, style: Style): string {
  return style.yellow(safeLine(`… chunks ${gap.from} to ${gap.to} are gone (${gap.reason})`))
}

export function unknownLine(item: { readonly type: string; code?: number }, style: Style): string {
  const code = item.code === undefined ? item.type : `type ${item.code}`
  return style.dim(safeLine(`· a chunk of ${code}, which this version does not know`))
}
