/** What the check of an audit log came to, for people and for programs. */
import type { AuditBreak, AuditCheck, AuditHead } from './audit-chain.ts'
import { GENESIS } from './audit-chain.ts'
import { ProtocolError } from './errors.ts'

export interface AuditReport {
  readonly intact: boolean
  readonly records: number
  readonly first: AuditHead | null
  readonly last: AuditHead | null
  /** The hash before the first record; null when there is no record. */
  readonly anchor: string | null
  readonly break_count: number
  readonly breaks: readonly AuditBreak[]
}

export function auditReport(check: AuditCheck): AuditReport {
  const { isIntact, count, first, last, anchor, breakCount, breaks } = check
  return {
    intact: isIntact,
    records: count,
    first: first ?? null,
    last: last ?? null,
    anchor: anchor ?? null,
    break_count: breakCount,
    breaks,
  }
}

export function auditText(report: AuditReport): string {
  return `${auditLines(report).join('\n')}\n`
}

function auditLines({ intact, records, first, last, anchor, ...rest }: AuditReport): string[] {
  const { breaks, break_count } = rest
  const unnamed = break_count - breaks.length
  return [
    ...(first && last ? [`${records} records, ${first.seq} to ${last.seq}`] : ['no records']),
    ...(first ? [`first: ${headText(first)}`] : []),
    ...(last ? [`last:  ${headText(last)}`] : []),
    ...(first && first.seq > 1 ? [anchorLine(first.seq, anchor)] : []),
    ...breaks.map(({ seq, what }) => `broken at ${seq}: ${what}`),
    ...(unnamed > 0 ? [`and ${unnamed} more`] : []),
    intact ? 'the chain is intact' : 'the chain is BROKEN',
  ]
}

/** As `--expect` takes it. */
export function headText({ seq, hash }: AuditHead): string {
  return `${seq}:${hash}`
}

function anchorLine(first: number, anchor: string | null): string {
  return anchor === null || anchor === GENESIS
    ? `records before ${first} are not kept, and nothing is known of them`
    : `records before ${first} are not kept any more; ${first - 1} had the hash ${anchor}`
}

/** Reads `SEQ:HASH`. Throws BAD_CONFIG. */
export function parseHead(text: string): AuditHead {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-fA-F]{64})$/.exec(text.trim()) ?? []
  if (seq === undefined || hash === undefined || Number(seq) < 1) {
    const reason = `${text} is not SEQ:HASH, as verify names the first and the last record`
    throw new ProtocolError('BAD_CONFIG', { source: '--expect', reason })
  }
  return { seq: Number(seq), hash: hash.toLowerCase() }
}
