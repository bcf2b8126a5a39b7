/**
 * A process that migrates a journal and is killed meanwhile; see journal-migrations.test.ts.
 *
 *   node migration-child.js middle DIRECTORY   prints "middle" inside the second step, and stays there
 *   node migration-child.js after DIRECTORY    prints "after" when the journal is open
 */
import { writeSync } from 'node:fs'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import { markStep } from './journal-files.ts'

const [where = '', directory = ''] = process.argv.slice(2)

/** Synchronous, as the transaction is. */
function stay(): void {
  writeSync(1, `${where}\n`)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

const second = markStep('second', where === 'middle' ? stay : undefined)
openLmdbJournal({ directory, migrations: [markStep('first'), second] })
stay()
