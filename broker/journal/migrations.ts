/**
 * Steps from one layout of the journal to the next, and how they are run: all that a file lacks in one
 * transaction, with its version record, so that a kill in the middle leaves the old journal or the new
 * one. The transaction is synchronous: a broker that migrates is not yet open to anybody.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import { cannotOpen } from './lmdb-file.ts'
import type { DatabaseName, Entry } from './lmdb-store.ts'

/** What a step may do. It sees what the steps before it have done. */
export interface MigrationTables {
  /** Calls `change` for each entry in order: another value is stored, undefined removes the entry. */
  rewrite(table: DatabaseName, change: (entry: Entry) => Buffer | undefined): void
  put(table: DatabaseName, key: Buffer, value: Buffer): void
}

export interface Migration {
  /** Completes "cannot …", for the error when it fails. */
  readonly what: string
  readonly run: (tables: MigrationTables) => void
}

export const FIRST_VERSION = 1

/**
 * In order: the first makes version 2 of version 1. Append only. Journals of every version that was
 * released must open for ever: add a file to test/fixtures/journals with each.
 */
export const MIGRATIONS: readonly Migration[] = []

export function versionAfter(migrations: readonly Migration[]): number {
  return FIRST_VERSION + migrations.length
}

/** Layout of keys, databases and records that this software writes. */
export const MAX_VERSION = versionAfter(MIGRATIONS)

/** Of the table `schema`. */
export const SCHEMA_KEY = 'version'

/** The steps that a file of this version lacks. Throws STORAGE_FAILED when it is newer, or was never ours. */
export function missingSteps(
  path: string,
  version: unknown,
  migrations: readonly Migration[],
): readonly Migration[] {
  if (typeof version !== 'number') throw cannotOpen(path, 'its version record is damaged')
  const newest = versionAfter(migrations)
  if (version > newest) {
    const reason = `was written by a newer agentmq (journal version ${version}; this one reads ${newest})`
    throw cannotOpen(path, reason)
  }
  if (version < FIRST_VERSION)
    throw cannotOpen(path, `there never was a journal version ${version}`)
  return migrations.slice(version - FIRST_VERSION)
}

/** Runs inside the transaction; throws STORAGE_FAILED, and then it has to be aborted. */
export function runSteps(path: string, steps: readonly Migration[], tables: MigrationTables): void {
  for (const { what, run } of steps) {
    try {
      run(tables)
    } catch (cause) {
      if (cause instanceof ProtocolError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw cannotOpen(
        path,
        new Error(`cannot ${what}: ${reason}; it is left as it was`, { cause }),
      )
    }
  }
}
