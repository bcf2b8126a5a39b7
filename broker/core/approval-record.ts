/** A question of an agent as the broker keeps it: its states, the legal moves, and how it looks outside. */
import { encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { ApprovalDecision, ChunkBody } from '../../protocol/messages/chunk.ts'
import { DEFAULT_EXPIRE_MS } from '../../protocol/methods/session.ts'
import type { ApprovalInfo, ApprovalState } from '../../protocol/methods/types.ts'
import type { JournalOperation, StoredChunk } from '../journal/journal.ts'
import type { SessionRecord } from './sessions.ts'

/** What was decided; `expired`: the broker denied because nobody else answered. */
export interface Answer {
  readonly outcome: ApprovalDecision | 'expired'
  readonly by: string
  readonly at: number
  readonly message?: string
  readonly interrupt?: boolean
}

/** `answered`: on disk, and the host has not said that the agent has it. */
export type Standing =
  | { readonly kind: 'pending' }
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'applied'; readonly answer: Answer }
  | { readonly kind: 'withdrawn'; readonly reason: string; readonly at: number }

/** What the journal holds. Never changed in place: a change is a new record. */
export interface ApprovalRecord {
  readonly approval: string
  readonly session: string
  readonly epoch: number
  readonly turn: number
  readonly sequence: number
  readonly tool_id: string
  readonly tool_name: string
  readonly input?: unknown
  readonly title?: string
  readonly options: readonly ApprovalDecision[]
  readonly asked_at: number
  readonly expire_ms?: number
  readonly change: number
  readonly standing: Standing
}

const MOVES: Readonly<Record<Standing['kind'], readonly Standing['kind'][]>> = {
  pending: ['answered', 'withdrawn'],
  answered: ['applied', 'withdrawn'],
  applied: [],
  withdrawn: [],
}

/** Largest input that is kept with the question, bytes; all of it is in the stream. */
const MAX_INPUT_BYTES = 16 * 1024
/** Names and titles are for people to read, characters. */
const MAX_NAME = 256
const MAX_TITLE = 1024

export function isOpen({ standing }: ApprovalRecord): boolean {
  return standing.kind === 'pending' || standing.kind === 'answered'
}

export function approvalKey({ session, approval }: Pick<ApprovalRecord, 'session' | 'approval'>) {
  return `${session}/${approval}`
}

/** The session in a key: its id is a UUID, so the first slash ends it. */
export function sessionOfKey(key: string): string {
  return key.slice(0, key.indexOf('/'))
}

export function saveApproval(record: ApprovalRecord): JournalOperation {
  return { op: 'put', table: 'approvals', key: approvalKey(record), value: record }
}

export function dropApproval(record: ApprovalRecord): JournalOperation {
  return { op: 'delete', table: 'approvals', key: approvalKey(record) }
}

export function newApproval(
  { session, epoch, approvals: policy }: SessionRecord,
  { sequence, turn, time }: StoredChunk,
  question: ChunkBody<'approval_request'>,
  change: number,
): ApprovalRecord {
  const { approval, tool_id, tool_name, input, title, options } = question
  const isSmall = encode(input).length <= MAX_INPUT_BYTES
  return {
    approval,
    session,
    epoch,
    turn,
    sequence,
    tool_id: tool_id.slice(0, MAX_NAME),
    tool_name: tool_name.slice(0, MAX_NAME),
    ...(isSmall && input !== undefined && { input }),
    ...(title !== undefined && { title: title.slice(0, MAX_TITLE) }),
    options: [...new Set(options)],
    asked_at: time,
    ...(policy?.on_expiry === 'deny' && { expire_ms: policy.expire_ms ?? DEFAULT_EXPIRE_MS }),
    change,
    standing: { kind: 'pending' },
  }
}

/** A move that the table does not know is a defect of the broker. */
export function moved(record: ApprovalRecord, standing: Standing, change: number): ApprovalRecord {
  const { kind } = record.standing
  if (MOVES[kind].includes(standing.kind)) return { ...record, standing, change }
  const reason = `approval ${record.approval} cannot move from ${kind} to ${standing.kind}`
  throw new ProtocolError('INTERNAL', { reason })
}

export function stateOf({ standing }: ApprovalRecord): ApprovalState {
  const isExpired = standing.kind === 'applied' && standing.answer.outcome === 'expired'
  return isExpired ? 'expired' : standing.kind
}

/** How it was settled, as `approval_settled` and the lists tell it. */
export function settlement(standing: Exclude<Standing, { kind: 'pending' }>) {
  if (standing.kind === 'withdrawn') {
    return { outcome: 'withdrawn', by: '', reason: standing.reason } as const
  }
  const { outcome, by, message } = standing.answer
  return { outcome, by, ...(message !== undefined && { reason: message }) }
}

export function settledAt(standing: Exclude<Standing, { kind: 'pending' }>): number {
  return standing.kind === 'withdrawn' ? standing.at : standing.answer.at
}

export function approvalInfo(record: ApprovalRecord): ApprovalInfo {
  const { epoch: _, expire_ms, standing, options, ...rest } = record
  return {
    ...rest,
    options: [...options],
    state: stateOf(record),
    ...(expire_ms !== undefined && { expires_at: record.asked_at + expire_ms }),
    ...(standing.kind !== 'pending' && {
      ...settlement(standing),
      settled_at: settledAt(standing),
    }),
  }
}

/** SETTLED, for whoever answers too late. */
export function settledError(
  { approval }: ApprovalRecord,
  standing: Exclude<Standing, { kind: 'pending' }>,
): ProtocolError {
  const { outcome, by } = settlement(standing)
  const details = { approval, decision: outcome, by: by || 'nobody', when: settledAt(standing) }
  return new ProtocolError('SETTLED', details)
}
