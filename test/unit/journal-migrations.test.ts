/** Journals of older versions: migrated in one transaction, or left as they were. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { TABLES } from '../../broker/journal/journal.ts'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import type { Migration } from '../../broker/journal/migrations.ts'
import { write } from '../support/journal-contract.ts'
import { markStep, textOf } from '../support/journal-files.ts'

const CHILD = fileURLToPath(new URL('../support/migration-child.js', import.meta.url))
// Compiled tests are in dist/, fixtures are not.
const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/journals', import.meta.url))
/** More than a rewrite takes in one slice. */
const RECORDS = 1200

async function oldJournal(directory: string): Promise<void> {
  const journal = openLmdbJournal({ directory })
  const keys = Array.from({ length: RECORDS }, (_, index) => `key ${index}`)
  await write(
    journal,
    ...keys.map((key) => ({ op: 'put', table: 'meta', key, value: 'old' }) as const),
  )
  await journal.close()
}

/** The values of the table `meta`, each once. */
async function valuesIn(directory: string, migrations?: readonly Migration[]) {
  const journal = openLmdbJournal({ directory, ...(migrations && { migrations }) })
  const values = [...journal.entries('meta')].map(({ value }) => value)
  await journal.close()
  return { count: values.length, values: [...new Set(values)] }
}

t.test('the steps that a journal lacks run in order, and once', async (t) => {
  const directory = t.testdir()
  await oldJournal(directory)
  const [first, second] = [markStep('first'), markStep('second')]
  const migrated = { count: RECORDS, values: ['old first second'] }
  t.same(await valuesIn(directory, [first, second]), migrated)
  t.same(await valuesIn(directory, [first, second]), migrated, 'not for a second time')
  const third = { count: RECORDS, values: ['old first second third'] }
  t.same(await valuesIn(directory, [first, second, markStep('third')]), third)
  t.throws(() => openLmdbJournal({ directory }), {
    code: 'STORAGE_FAILED',
    message: /newer agentmq \(journal version 4; this one reads 1\)/,
  })
})

t.test('a step that fails leaves the journal as it was, and says so', async (t) => {
  const directory = t.testdir()
  await oldJournal(directory)
  const failing = markStep('second', () => {
    throw new Error('there is a record that nobody knows')
  })
  t.throws(() => openLmdbJournal({ directory, migrations: [markStep('first'), failing] }), {
    code: 'STORAGE_FAILED',
    message:
      /cannot take the step second: there is a record that nobody knows; it is left as it was/,
  })
  t.same(await valuesIn(directory), { count: RECORDS, values: ['old'] })
})

async function killed(t: Test, where: string, directory: string): Promise<void> {
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const child = spawn(process.execPath, [CHILD, where, directory], { env: {}, stdio: [...stdio] })
  t.teardown(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  t.equal(line, where)
  child.kill('SIGKILL')
  await exited
}

t.test('kill -9 in the middle leaves the old journal, and behind it the new one', async (t) => {
  const directory = t.testdir()
  await oldJournal(directory)
  await killed(t, 'middle', directory)
  t.same(await valuesIn(directory), { count: RECORDS, values: ['old'] })
  await killed(t, 'after', directory)
  const steps = [markStep('first'), markStep('second')]
  t.same(await valuesIn(directory, steps), { count: RECORDS, values: ['old first second'] })
})

t.test('a journal of version 1 opens, with all that is in it', async (t) => {
  const directory = t.testdir()
  copyFileSync(join(FIXTURES, 'v1.mdb'), join(directory, 'journal.mdb'))
  const journal = openLmdbJournal({ directory })
  t.teardown(() => journal.close())
  t.equal(journal.get('meta', 'epoch'), 1)
  t.match([...journal.entries('sessions')], [{ key: 'blue', value: { name: 'blue-name' } }])
  const { chunks, gaps } = journal.read('blue', { from: 1, to: 9, maxCount: 9, maxBytes: 9999 })
  t.same(
    chunks.map(({ sequence, time, turn }) => [sequence, time, turn]),
    [1, 2, 3].map((sequence) => [sequence, 1_700_000_000_000 + sequence, 1]),
  )
  t.ok(chunks.every(({ sequence, body }) => body.includes(textOf('blue', sequence))))
  t.same(gaps, [])
  t.equal(journal.stats().corrupt, 0)
  const puts = TABLES.map((table) => ({ op: 'put', table, key: 'new', value: table }) as const)
  await write(journal, ...puts)
  for (const table of TABLES)
    t.equal(journal.get(table, 'new'), table, 'it has all tables of today')
})
