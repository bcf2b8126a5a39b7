import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { open as openLmdb } from 'lmdb'
import t, { type Test } from 'tap'
import type { Journal, ReadRange } from '../../broker/journal/journal.ts'
import { type LmdbJournalOptions, openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import { encodeSmall } from '../../broker/journal/record.ts'
import type { SyncPolicy } from '../../broker/journal/sync-policy.ts'
import { append, appendRange, write } from '../support/journal-contract.ts'

const CHILD = fileURLToPath(new URL('../support/journal-child.js', import.meta.url))
const EVERYTHING: ReadRange = { from: 1, to: 1e9, maxCount: 1e9, maxBytes: 1e9 }
const ROOMY = { freeBytes: () => Number.MAX_SAFE_INTEGER }

function open(t: Test, directory: string, options: Partial<LmdbJournalOptions> = {}): Journal {
  const journal = openLmdbJournal({ ...ROOMY, ...options, directory })
  t.teardown(() => journal.close())
  return journal
}

/** Without the runner's environment: its coverage files are no business of a killed process. */
function child(t: Test, verb: string, directory: string, sync = 'always'): ChildProcess {
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const started = spawn(process.execPath, [CHILD, verb, directory, sync], {
    env: {},
    stdio: [...stdio],
  })
  t.teardown(() => started.kill('SIGKILL'))
  return started
}

async function* lines(of: ChildProcess): AsyncGenerator<string> {
  if (of.stdout) yield* createInterface({ input: of.stdout })
}

async function firstLine(of: ChildProcess): Promise<string> {
  for await (const line of lines(of)) return line
  return ''
}

async function kill(victim: ChildProcess): Promise<void> {
  const exited = once(victim, 'exit')
  victim.kill('SIGKILL')
  await exited
}

/** Runs the child until it has acknowledged `count` writes, kills it, and gives the last sequence. */
async function appendAndKill(
  t: Test,
  directory: string,
  count: number,
  sync?: SyncPolicy,
): Promise<number> {
  const victim = child(t, 'append', directory, sync)
  const exited = once(victim, 'exit')
  let seen = 0
  let last = 0
  for await (const line of lines(victim)) {
    last = Number(line)
    seen += 1
    if (seen === count) victim.kill('SIGKILL')
  }
  await exited
  return last
}

t.test('what was acknowledged survives kill -9 at any point', async (t) => {
  const directory = t.testdir()
  for (let round = 0; round < 5; round += 1) {
    const count = 1 + Math.floor(Math.random() * 400)
    const acknowledged = await appendAndKill(t, directory, count)
    const journal = openLmdbJournal({ directory })
    const { chunks, gaps } = journal.read('s', EVERYTHING)
    const head = journal.head('s').sequence
    await journal.close()
    t.ok(head >= acknowledged, `killed after ${count} writes: ${acknowledged} of ${head}`)
    t.same([chunks.length, gaps], [head, []], 'no hole up to the head')
  }
})

for (const sync of ['data', 'os'] as const) {
  t.test(`what was acknowledged under the policy ${sync} survives kill -9`, async (t) => {
    const directory = t.testdir()
    for (let round = 0; round < 3; round += 1) {
      const acknowledged = await appendAndKill(
        t,
        directory,
        1 + Math.floor(Math.random() * 400),
        sync,
      )
      const journal = openLmdbJournal({ directory, sync })
      const { chunks, gaps } = journal.read('s', EVERYTHING)
      const head = journal.head('s').sequence
      await journal.close()
      t.ok(head >= acknowledged, `${acknowledged} of ${head}`)
      t.same([chunks.length, gaps], [head, []], 'no hole up to the head')
    }
  })
}

t.test('a second process is refused until the first is gone', async (t) => {
  const directory = t.testdir()
  const owner = child(t, 'hold', directory)
  t.equal(await firstLine(owner), 'open')
  const refused = { code: 'IN_USE', details: { owner: `process ${owner.pid}` } }
  t.throws(() => openLmdbJournal({ directory }), refused)
  await kill(owner)
  await write(open(t, directory), append('s', 1))
})

t.test('a second journal over one file in one process is refused', async (t) => {
  const directory = t.testdir()
  const first = open(t, directory)
  t.throws(() => openLmdbJournal({ directory }), { code: 'IN_USE' })
  await first.close()
  await write(open(t, directory), append('s', 1))
})

t.test('a claim under a pid that now belongs to another process is taken over', async (t) => {
  const directory = t.testdir({ 'journal.mdb-owner': `${process.ppid} 1` })
  const journal = open(t, directory)
  await write(journal, append('s', 1))
  t.equal(journal.head('s').sequence, 1)
})

t.test('a disk that refuses a commit loses nothing that was acknowledged', async (t) => {
  const directory = t.testdir()
  // 4096 blocks of 512 bytes; the limit stands in for a full disk.
  const script = 'ulimit -f 4096; exec "$0" "$1" fill "$2"'
  const limited = spawn('sh', ['-c', script, process.execPath, CHILD, directory], {
    env: {},
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = once(limited, 'exit')
  const report = JSON.parse(await firstLine(limited)) as Record<string, unknown>
  await exited
  t.match(report, { code: /^STORAGE_(FULL|FAILED)$/, gaps: 0 })
  t.equal(report['chunks'], report['acknowledged'], 'reads went on, of all that was acknowledged')
  const journal = open(t, directory)
  const head = journal.head('s').sequence
  t.equal(head, report['acknowledged'], 'nothing of a refused write is stored')
  await write(journal, append('s', head + 1))
  t.equal(journal.head('s').sequence, head + 1, 'with room again it goes on')
})

t.test(
  'a journal at its own limit refuses with STORAGE_FULL until something is dropped',
  async (t) => {
    const journal = open(t, t.testdir(), { maxBytes: 200_000 })
    const text = 'x'.repeat(1000)
    let sequence = 0
    const fill = async (): Promise<never> => {
      for (;;) {
        await write(journal, append('s', sequence + 1, text))
        sequence += 1
      }
    }
    await t.rejects(fill(), { code: 'STORAGE_FULL' })
    t.equal(journal.read('s', EVERYTHING).chunks.length, sequence)
    t.ok(journal.stats().bytes > 150_000)
    await write(journal, { op: 'drop', session: 's' })
    while (journal.stats().bytes > 0) await write(journal)
    await write(journal, append('t', 1, text))
    t.equal(journal.head('t').sequence, 1)
  },
)

t.test('the chunks of a dropped session are removed, if need be after a restart', async (t) => {
  const directory = t.testdir()
  const before = openLmdbJournal({ ...ROOMY, directory })
  await write(before, ...appendRange(1, 3000))
  await write(before, { op: 'drop', session: 's' })
  await before.close()
  const journal = open(t, directory)
  t.ok(journal.stats().bytes > 0)
  t.equal(journal.head('s').sequence, 0)
  while (journal.stats().bytes > 0) await write(journal)
})

t.test('trimmed chunks are removed, if need be after a restart', async (t) => {
  const directory = t.testdir()
  const before = openLmdbJournal({ ...ROOMY, directory })
  await write(before, ...appendRange(1, 3000))
  await write(before, { op: 'trim', session: 's', before: 3000 })
  await before.close()
  const journal = open(t, directory)
  t.same(journal.read('s', EVERYTHING).gaps, [{ from: 1, to: 2999, reason: 'retention' }])
  const bytes = journal.stats().bytes
  while (journal.stats().bytes > bytes / 10) await write(journal)
  t.same(journal.head('s'), { sequence: 3000, producerSequence: 30_000 })
})

t.test('a trim that was acknowledged survives kill -9 in the middle of its removal', async (t) => {
  const directory = t.testdir()
  const before = openLmdbJournal({ ...ROOMY, directory })
  await write(before, ...appendRange(1, 50_000))
  const full = before.stats().bytes
  await before.close()
  const victim = child(t, 'trim', directory)
  const trimmed = Number(await firstLine(victim))
  await kill(victim)
  const journal = open(t, directory)
  const { chunks, gaps } = journal.read('s', EVERYTHING)
  t.same(gaps, [{ from: 1, to: trimmed - 1, reason: 'retention' }])
  t.equal(chunks.length, 50_000 - trimmed + 1)
  while (journal.stats().bytes > full / 10) await write(journal)
})

t.test('a large trim is removed in slices, so that writes come between', async (t) => {
  const journal = open(t, t.testdir())
  await write(journal, ...appendRange(1, 20_000))
  const { commits } = journal.stats()
  await write(journal, { op: 'trim', session: 's', before: 20_000 })
  t.equal(journal.stats().commits, commits + 1, 'one small commit makes it durable')
  const full = journal.stats().bytes
  await write(journal, append('other', 1))
  t.ok(journal.stats().bytes > full / 2, 'a write in the middle did not wait for the removal')
  while (journal.stats().bytes > full / 10) await write(journal)
})

t.test('writes are grouped, within the limits of a commit', async (t) => {
  const journal = open(t, t.testdir(), { maxCommitOperations: 10, maxCommitBytes: 5000 })
  await Promise.all(appendRange(1, 35).map((operation) => write(journal, operation)))
  t.equal(journal.stats().commits, 4, '10 + 10 + 10 + 5 operations')
  const text = 'x'.repeat(2000)
  await Promise.all([36, 37, 38].map((sequence) => write(journal, append('s', sequence, text))))
  t.equal(journal.stats().commits, 6, 'two and one by bytes')
  await write(journal, ...appendRange(39, 99))
  t.equal(journal.stats().commits, 7, 'one write is never split')
})

t.test('a callback that throws does not keep the others from running', async (t) => {
  const journal = open(t, t.testdir())
  // The runner has a listener of its own, which would fail the test.
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const uncaught = once(process, 'uncaughtException')
  journal.write([append('s', 1)], () => {
    throw new Error('defect')
  })
  await write(journal, append('s', 2))
  t.match(await uncaught, [{ message: 'defect' }])
  for (const listener of listeners) process.on('uncaughtException', listener)
})

t.test('the files are for the owner alone', async (t) => {
  const directory = join(t.testdir(), 'deep', 'journal')
  await write(open(t, directory), append('s', 1))
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)
  t.equal(modeOf(directory), '700')
  for (const name of ['journal.mdb', 'journal.mdb-lock', 'journal.mdb-owner']) {
    t.equal(modeOf(join(directory, name)), '600', name)
  }
})

t.test('a damaged small record is told, not served and not taken for absent', async (t) => {
  const directory = t.testdir()
  const before = openLmdbJournal({ ...ROOMY, directory })
  const put = (key: string) => ({ op: 'put', table: 'meta', key, value: `value ${key}` }) as const
  await write(before, put('a'), put('b'))
  await before.close()
  const path = join(directory, 'journal.mdb')
  const bytes = readFileSync(path)
  for (let at = bytes.indexOf('value a'); at !== -1; at = bytes.indexOf('value a', at))
    bytes[at] = 0
  writeFileSync(path, bytes)
  const journal = open(t, directory)
  t.throws(() => journal.get('meta', 'a'), { code: 'STORAGE_FAILED' })
  t.same([...journal.entries('meta')], [{ key: 'b', value: 'value b' }])
  t.equal(journal.stats().corrupt, 2)
})

t.test('a file that is not a journal is refused with a code', async (t) => {
  const cases = {
    short: Buffer.from('not a journal'),
    random: Buffer.alloc(100_000, 'random bytes'),
    zeros: Buffer.alloc(100_000),
  }
  for (const [name, content] of Object.entries(cases)) {
    const directory = t.testdir({ 'journal.mdb': content })
    t.throws(() => openLmdbJournal({ directory }), { code: 'STORAGE_FAILED' }, name)
    t.same(readFileSync(join(directory, 'journal.mdb')), content, 'and left as it is')
  }
  const directory = t.testdir({ 'journal.mdb': {} })
  t.throws(() => openLmdbJournal({ directory }), { code: 'STORAGE_FAILED' }, 'a directory')
  t.throws(() => openLmdbJournal({ directory: CHILD }), { code: 'STORAGE_FAILED' }, 'no directory')
})

t.test('a journal that was cut short gives coded errors', async (t) => {
  const directory = t.testdir()
  const before = openLmdbJournal({ ...ROOMY, directory })
  await write(before, ...appendRange(1, 5000))
  await before.close()
  truncateSync(join(directory, 'journal.mdb'), 3 * 4096)
  t.throws(() => open(t, directory).read('s', EVERYTHING), { code: 'STORAGE_FAILED' })
})

/** Leaves an LMDB file with one database of one record. */
async function foreignFile(directory: string, name: string, value: Buffer): Promise<void> {
  const encodings = { encoding: 'binary', keyEncoding: 'binary' } as const
  const root = openLmdb({ ...encodings, path: join(directory, 'journal.mdb') })
  const database = root.openDB({ ...encodings, name })
  await database.put(Buffer.from('version'), value)
  await root.close()
}

t.test('a journal of a newer version is refused, and says so', async (t) => {
  const directory = t.testdir()
  await foreignFile(directory, 'schema', encodeSmall('schema', 'version', 2))
  t.throws(() => openLmdbJournal({ directory }), {
    code: 'STORAGE_FAILED',
    message: /newer agentmq/,
  })
})

t.test('an LMDB file of another program is refused', async (t) => {
  const directory = t.testdir()
  await foreignFile(directory, 'users', Buffer.from('something'))
  t.throws(() => openLmdbJournal({ directory }), {
    code: 'STORAGE_FAILED',
    message: /not a journal/,
  })
})
