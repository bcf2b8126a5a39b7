/**
 * The process that reads a journal for a tool: one job, given as JSON in its arguments. It tells what it
 * finds on file descriptor 3, a line of JSON each, and is allowed to die.
 */
import { writeSync } from 'node:fs'
import { ProtocolError } from '../../protocol/errors.ts'
import { checkAudit } from './check-audit.ts'
import { exportChunks } from './export-chunks.ts'
import type { Job, Told } from './jobs.ts'
import { JournalFile } from './journal-file.ts'
import { surveyTable } from './survey-table.ts'

/** Synchronous: what was told is out before the next page is touched. */
function tell(line: Told): void {
  try {
    writeSync(3, `${JSON.stringify(line)}\n`)
  } catch {
    process.exit(1) // nobody listens any more
  }
}

async function run(job: Job): Promise<void> {
  const file = new JournalFile(job.path)
  switch (job.verb) {
    case 'survey': {
      const { total, used, pageSize } = file.pages
      const { version } = file
      tell({ kind: 'file', version, pageSize, totalPages: total, usedPages: used })
      // Without an await in between, all tables are read from one snapshot.
      for (const table of job.tables) surveyTable(file, table, tell)
      break
    }
    case 'export':
      await exportChunks(file, job, tell)
      break
    case 'copy':
      await file.copyTo(job.to)
      break
    case 'audit':
      await checkAudit(file, job, tell)
  }
  await file.close()
}

try {
  await run(JSON.parse(process.argv[2] ?? '') as Job)
} catch (thrown) {
  tell({ kind: 'failed', error: asStorage(thrown).toWire() })
  process.exitCode = 1
}

/** What the binding throws while it reads is the storage's failure, not a defect. */
function asStorage(thrown: unknown): ProtocolError {
  if (thrown instanceof ProtocolError) return thrown
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  return new ProtocolError('STORAGE_FAILED', { reason }, { cause: thrown })
}
