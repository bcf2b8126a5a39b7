/** Whether a record of the audit log is one that was asked for; for the broker and for whoever follows it. */
import type { AuditRecord } from './messages/audit.ts'

export interface AuditFilter {
  readonly principal?: string | undefined
  readonly method?: string | undefined
  /** A full id. */
  readonly session?: string | undefined
  /** ms since 1970. */
  readonly since?: number | undefined
  readonly until?: number | undefined
}

export type Filtered = Pick<AuditRecord, 'principal' | 'method'> &
  Partial<Pick<AuditRecord, 'via' | 'session'>>

export function isInTime({ since, until }: AuditFilter, time: number): boolean {
  return (since === undefined || time >= since) && (until === undefined || time <= until)
}

export function fits({ principal, method, session }: AuditFilter, record: Filtered): boolean {
  if (session !== undefined && record.session !== session) return false
  if (method !== undefined && !isMethodOf(method, record.method)) return false
  return principal === undefined || [record.principal, record.via].includes(principal)
}

function isMethodOf(wanted: string, method: string): boolean {
  return wanted.endsWith('.') ? method.startsWith(wanted) : method === wanted
}
