/**
 * Checks and encodes what a `write` asks for, before anything is queued: a mistake of the caller is
 * thrown at the caller and never fails the writes around it. Does not store.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { JournalOperation, Table } from './journal.ts'
import { TABLES } from './journal.ts'
import { checkSequence, checkSession, tableKey } from './keys.ts'
import { encodeChunk, encodeSmall } from './record.ts'

/** An operation with its bytes; it no longer shares memory with what the caller gave. */
export type EncodedOperation =
  | {
      readonly op: 'append'
      readonly session: string
      readonly sequence: number
      readonly producerSequence: number
      readonly record: Buffer
    }
  | {
      readonly op: 'put'
      readonly table: Table
      readonly key: Buffer
      readonly record: Buffer
    }
  | { readonly op: 'delete'; readonly table: Table; readonly key: Buffer }
  | { readonly op: 'drop'; readonly session: string }
  | { readonly op: 'trim'; readonly session: string; readonly before: number }

function checkTable(table: Table): void {
  if (TABLES.includes(table)) return
  const reason = `there is no table ${String(table)}`
  throw new ProtocolError('INVALID_MESSAGE', { what: 'journal operation', reason })
}

/** Throws INVALID_MESSAGE and names what is wrong. */
export function encodeOperation(operation: JournalOperation): EncodedOperation {
  switch (operation.op) {
    case 'append': {
      const { session, chunk } = operation
      checkSession(session)
      const { sequence, producerSequence } = chunk
      const record = encodeChunk(session, chunk)
      return { op: 'append', session, sequence, producerSequence, record }
    }
    case 'put': {
      const { table, key, value } = operation
      checkTable(table)
      return { op: 'put', table, key: tableKey(key), record: encodeSmall(table, key, value) }
    }
    case 'delete':
      checkTable(operation.table)
      return { op: 'delete', table: operation.table, key: tableKey(operation.key) }
    case 'drop':
      checkSession(operation.session)
      return operation
    case 'trim':
      checkSession(operation.session)
      checkSequence('before', operation.before, 1)
      return operation
  }
}

/** What the operation adds to the journal, bytes without page overhead. */
export function sizeOf(operation: EncodedOperation): number {
  if (operation.op === 'append') return operation.session.length + operation.record.length
  if (operation.op === 'put') return operation.key.length + operation.record.length
  return 0
}

/** Whether the operation needs room; the others free some and are let through when it is full. */
export function grows(operation: EncodedOperation): boolean {
  return operation.op === 'append' || operation.op === 'put'
}
