/** What the reading process tells while it surveys a journal: one of these a line. */
import type { AuditReport } from '../../protocol/audit-report.ts'
import type { DatabaseName } from '../journal/lmdb-store.ts'

/** Where the reading is: what dies next dies behind this. */
export interface At {
  readonly kind: 'at'
  readonly table: string
  readonly key: string
}

export interface Damage {
  readonly table: string
  /** The key, or the session and sequence; empty for the table as a whole. */
  readonly key: string
  readonly what: string
}

export interface TableLine {
  readonly table: DatabaseName
  readonly records: number
  readonly damaged: number
  /** Bytes of its pages. */
  readonly bytes: number
}

/** The live chunks of one session. */
export interface StreamLine {
  readonly session: string
  readonly first: number
  readonly last: number
  readonly chunks: number
  readonly damaged: number
  /** Bytes of its records, without those of pages. */
  readonly bytes: number
  /** Of the intact chunks, milliseconds since 1970; 0 when there are none. */
  readonly firstTime: number
  readonly lastTime: number
}

export interface FileLine {
  readonly version: number | undefined
  readonly pageSize: number
  readonly totalPages: number
  readonly usedPages: number
}

export type SurveyLine =
  | At
  | ({ readonly kind: 'file' } & FileLine)
  | ({ readonly kind: 'table' } & TableLine)
  | ({ readonly kind: 'stream' } & StreamLine)
  | ({ readonly kind: 'damage' } & Damage)
  | { readonly kind: 'session'; readonly session: string }
  | { readonly kind: 'epoch'; readonly epoch: number }
  /** Chunks of sessions that were dropped, which wait to be removed. */
  | { readonly kind: 'removed'; readonly chunks: number }
  /** What the check of the audit log came to. */
  | { readonly kind: 'audit'; readonly report: AuditReport }
