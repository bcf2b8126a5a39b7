/** `agentmq journal compact`: what it gives back, and that no kill takes anything. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { ReadRange } from '../../broker/journal/journal.ts'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import { compact, type Stage } from '../../broker/journal-tool/compact.ts'
import { survey } from '../../broker/journal-tool/survey.ts'
import { runCli, shortDir } from '../support/cli.ts'
import { write } from '../support/journal-contract.ts'
import { flipBit, textOf, writeJournal } from '../support/journal-files.ts'

const CHILD = fileURLToPath(new URL('../support/compact-child.js', import.meta.url))
const EVERYTHING: ReadRange = { from: 1, to: 1e9, maxCount: 1e9, maxBytes: 1e9 }
const ROOM = { freeBytes: () => Number.MAX_SAFE_INTEGER }

/** Most of it free pages. */
async function roomyJournal(t: Test): Promise<string> {
  const directory = t.testdir()
  await writeJournal(directory, { big: 2000, small: 30 }, () => 'x'.repeat(500))
  const journal = openLmdbJournal({ directory })
  const drop = { op: 'drop', session: 'big' } as const
  await write(journal, { op: 'delete', table: 'sessions', key: 'big' }, drop)
  const full = journal.stats().bytes
  while (journal.stats().bytes > full / 10) await write(journal)
  await journal.close()
  return directory
}

async function checkContent(t: Test, directory: string, comment: string): Promise<void> {
  const journal = openLmdbJournal({ directory })
  const { chunks, gaps } = journal.read('small', EVERYTHING)
  t.same([chunks.length, gaps, journal.get('meta', 'epoch')], [30, [], 1], comment)
  await write(journal, { op: 'put', table: 'meta', key: 'epoch', value: 1 })
  await journal.close()
  t.same(
    readdirSync(directory).sort(),
    ['journal.mdb', 'journal.mdb-lock'],
    'the next owner clears what was left behind',
  )
}

t.test('free pages go back to the disk, and nothing else goes', async (t) => {
  const directory = await roomyJournal(t)
  const path = join(directory, 'journal.mdb')
  const before = statSync(path).size
  const { exit, stdout, stderr } = await runCli(t, shortDir(t), [
    ...['journal', 'compact', '--json', '--journal-dir', directory],
  ])
  t.same([exit, stderr], [0, ''])
  const after = statSync(path).size
  t.same(JSON.parse(stdout), { path, before_bytes: before, after_bytes: after })
  t.ok(after < before / 5, `${before} bytes before, ${after} after`)
  t.equal((statSync(path).mode & 0o777).toString(8), '600')
  t.equal((await survey(path)).damageCount, 0)
  await checkContent(t, directory, 'all is there, and can be written')
})

t.test('while a broker has the journal, it is refused', async (t) => {
  const directory = await roomyJournal(t)
  const journal = openLmdbJournal({ directory })
  t.teardown(() => journal.close())
  await t.rejects(compact(directory, ROOM), { code: 'IN_USE', message: /compact needs for itself/ })
})

t.test('without room for a copy it is refused, and nothing is left', async (t) => {
  const directory = await roomyJournal(t)
  await t.rejects(compact(directory, { freeBytes: () => 1000 }), { code: 'STORAGE_FULL' })
  await checkContent(t, directory, 'as before')
})

t.test('a journal with damage is left as it is', async (t) => {
  const directory = t.testdir()
  await writeJournal(directory, { blue: 5 })
  flipBit(directory, textOf('blue', 2))
  await t.rejects(compact(directory, ROOM), { code: 'STORAGE_FAILED', message: /has damage/ })
})

/** Runs compact in a process that stops at this stage, and kills it there. */
async function killAt(t: Test, stage: Stage, directory: string): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [CHILD, directory, stage], {
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  if (child.stdout) await once(createInterface({ input: child.stdout }), 'line')
  child.kill('SIGKILL')
  await exited
}

t.test('killed at any stage, it leaves a whole journal', async (t) => {
  const directory = await roomyJournal(t)
  for (const stage of ['copying', 'checking', 'replacing', 'replaced'] as const) {
    await killAt(t, stage, directory)
    await checkContent(t, directory, `all is there, killed while ${stage}`)
  }
  await compact(directory, ROOM)
  await checkContent(t, directory, 'and it can be compacted again')
})
