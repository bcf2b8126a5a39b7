/** Records of the audit log for people: one line each, with words that `grep` finds. */
import { type AuditRecord, DONE } from '../../../protocol/messages/audit.ts'
import type { Gap } from '../../sdk/index.ts'
import { shortId } from '../session-text.ts'
import { safeLine } from './safe-text.ts'
import type { Style } from './style.ts'

export function auditLine(record: AuditRecord, style: Style): string {
  const { seq, time, principal, method, session, target } = record
  const when = style.dim(`${seq}  ${new Date(time).toISOString()}`)
  const who = principal === '' ? '-' : principal
  const about = [session, target].flatMap((id) => (id === undefined ? [] : [shortId(id)]))
  const words = [who, method, ...about].map(safeLine)
  return [when, ...words, outcomeText(record, style), ...notes(record)].join('  ')
}

function outcomeText({ outcome, executed }: AuditRecord, style: Style): string {
  if (outcome === DONE) return style.green(outcome)
  const text = safeLine(executed === 'no' ? outcome : `${outcome} (executed: ${executed})`)
  return executed === 'no' ? style.yellow(text) : style.red(text)
}

function notes({ via, within, count, since, details = {} }: AuditRecord): string[] {
  const known = {
    ...(via !== undefined && { via }),
    ...(within !== undefined && { within: shortId(within) }),
    ...(count !== undefined && { count }),
    ...(since !== undefined && { since: new Date(since).toISOString() }),
    ...details,
  }
  return Object.entries(known).map(([name, value]) => safeLine(`${name}=${value}`))
}

export function auditGapLine({ from, to, reason }: Gap, style: Style): string {
  const why = reason === 'retention' ? 'are not kept any more' : 'cannot be read'
  return style.dim(`records ${from} to ${to} ${why} (${safeLine(reason)})`)
}
