/** The files of a journal in its directory. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'

export interface JournalFiles {
  readonly data: string
  /** LMDB's table of who reads; made anew when it is missing. */
  readonly lock: string
  /** Who may write. */
  readonly owner: string
  /** A compacted copy that is not in place yet. */
  readonly draft: string
}

export function filesOf(directory: string): JournalFiles {
  const data = join(directory, 'journal.mdb')
  return { data, lock: `${data}-lock`, owner: `${data}-owner`, draft: `${data}-compact` }
}

/** What a killed compact left behind; for the owner of the journal alone. */
export function removeDrafts(directory: string): void {
  const { draft } = filesOf(directory)
  for (const path of [draft, `${draft}-lock`]) rmSync(path, { force: true })
}
