/** What a reading process can be asked to do, and what it tells; both travel as JSON. */
import type { AuditHead } from '../../protocol/audit-chain.ts'
import type { WireError } from '../../protocol/errors.ts'
import type { DatabaseName } from '../journal/lmdb-store.ts'
import type { SurveyLine } from './survey-lines.ts'

export interface SurveyJob {
  readonly verb: 'survey'
  readonly path: string
  /** In this order. */
  readonly tables: readonly DatabaseName[]
}

export interface ExportJob {
  readonly verb: 'export'
  readonly path: string
  /** Sequences, inclusive. */
  readonly since: number
  readonly until: number
  /** Id, name or beginning of an id; without it all sessions. */
  readonly session?: string | undefined
  /** Go on behind this session. */
  readonly after?: string | undefined
}

export interface CopyJob {
  readonly verb: 'copy'
  readonly path: string
  readonly to: string
}

/** The hash chain of the audit log. */
export interface AuditJob {
  readonly verb: 'audit'
  readonly path: string
  /** Heads that were kept elsewhere. */
  readonly expected: readonly AuditHead[]
}

export type Job = SurveyJob | ExportJob | CopyJob | AuditJob

/** The line before the process ends with 1. */
export interface Failed {
  readonly kind: 'failed'
  readonly error: WireError
}

export type Told = SurveyLine | Failed
