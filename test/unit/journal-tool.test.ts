/** `agentmq journal verify, stats and export` on journals that are sound, damaged, strange or missing. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import { EXIT_DAMAGED } from '../../broker/journal-tool/verify.ts'
import { EXIT_CODES } from '../../clients/cli/exit-codes.ts'
import { encode } from '../../protocol/codec.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import { runCli, shortDir, startCli } from '../support/cli.ts'
import { write } from '../support/journal-contract.ts'
import {
  flipBit,
  putSession,
  ruinPages,
  textChunk,
  textOf,
  writeJournal,
} from '../support/journal-files.ts'

interface Verdict {
  readonly damage_count: number
  readonly damage: readonly {
    readonly table: string
    readonly key: string
    readonly what: string
  }[]
}

async function verify(t: Test, directory: string) {
  const { exit, stdout, stderr } = await tool(t, directory, 'verify', '--json')
  t.equal(stderr, '')
  return { exit, ...(JSON.parse(stdout) as Verdict) }
}

function tool(t: Test, directory: string, ...args: string[]) {
  return runCli(t, shortDir(t), ['journal', ...args, '--journal-dir', directory])
}

async function exported(t: Test, directory: string, ...args: string[]) {
  const result = await tool(t, directory, 'export', ...args)
  const lines = result.stdout.split('\n').filter((line) => line !== '')
  return { ...result, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

t.test('a sound journal is found sound, by its figures', async (t) => {
  const directory = t.testdir()
  await writeJournal(directory, { blue: 300, green: 2 })
  const { exit, stdout } = await tool(t, directory, 'verify')
  t.equal(exit, 0)
  t.match(stdout, '302 chunks')
  t.match(stdout, 'no damage was found')
  const stats = await tool(t, directory, 'stats', '--json')
  t.match(JSON.parse(stats.stdout), {
    version: 1,
    epoch: 1,
    sessions: 2,
    chunks: 302,
    first_time: 1_700_000_000_001,
    last_time: 1_700_000_000_300,
    largest: [{ session: 'blue', chunks: 300 }, { session: 'green' }],
    damage_count: 0,
  })
})

t.test('streams of the broker, tasks and keys are part of a journal', async (t) => {
  const directory = t.testdir()
  await writeJournal(directory, { blue: 3 })
  const journal = openLmdbJournal({ directory })
  const told = { topic: 'state', event: 'created', id: 'color', data: { version: 1 } }
  const at = { sequence: 1, producerSequence: 0, time: 1_700_000_000_000, turn: 0 }
  const chunk = { ...at, type: CHUNK_CODES.event, body: encode(told) }
  await write(
    journal,
    { op: 'append', session: '@events', chunk },
    { op: 'put', table: 'state', key: 'color', value: { version: 1, json: '"the blue one"' } },
    { op: 'put', table: 'tasks', key: 'task', value: { title: 'the red one' } },
  )
  await journal.close()
  const sound = await verify(t, directory)
  t.match(sound, { exit: 0, damage_count: 0, records: { state: 1, tasks: 1, chunks: 4 } })
  const { lines } = await exported(t, directory, '--session', '@events')
  t.match(lines, [{ session: '@events', seq: 1, type: 'event', ...told }])
  const stats = await tool(t, directory, 'stats', '--json')
  t.match(JSON.parse(stats.stdout), { sessions: 1, chunks: 4, damage_count: 0 })
  const compacted = await tool(t, directory, 'compact')
  t.equal(compacted.exit, 0)
  const again = openLmdbJournal({ directory })
  t.match(again.get('state', 'color'), { version: 1 })
  t.match(again.get('tasks', 'task'), { title: 'the red one' })
  t.equal(again.head('@events').sequence, 1)
  await again.close()
  flipBit(directory, 'the blue one')
  flipBit(directory, 'the red one')
  const { exit, damage } = await verify(t, directory)
  t.equal(exit, EXIT_DAMAGED)
  t.match(damage, [
    { table: 'tasks', key: 'task' },
    { table: 'state', key: 'color' },
  ])
})

t.test('flipped bits are named by table and key', async (t) => {
  const directory = t.testdir()
  await writeJournal(directory, { blue: 20, green: 2 })
  flipBit(directory, textOf('blue', 7))
  flipBit(directory, 'green-name')
  const { exit, damage_count, damage } = await verify(t, directory)
  t.equal(exit, EXIT_DAMAGED)
  t.equal(exit, EXIT_CODES.DAMAGED.code)
  t.equal(damage_count, 2)
  t.match(damage, [
    { table: 'sessions', key: 'green', what: 'fails its checksum' },
    { table: 'chunks', key: 'blue 7', what: 'fails its checksum' },
  ])
  const { exit: spoken, stdout } = await tool(t, directory, 'verify')
  t.equal(spoken, EXIT_DAMAGED)
  t.match(stdout, 'damaged: chunks blue 7: fails its checksum')
})

t.test('a hole between chunks is damage, what retention took is none', async (t) => {
  const directory = t.testdir()
  const journal = openLmdbJournal({ directory })
  await write(journal, { op: 'put', table: 'meta', key: 'epoch', value: 1 }, putSession('s'))
  await write(journal, ...[5, 6, 9].map((sequence) => textChunk('s', sequence, 'text')))
  await journal.close()
  const { damage } = await verify(t, directory)
  t.match(damage, [{ table: 'chunks', key: 's 9', what: 'comes where 7 was due' }])
  t.equal(damage.length, 1)
})

t.test('chunks without their session, and a journal without its epoch, are told', async (t) => {
  const directory = t.testdir()
  const journal = openLmdbJournal({ directory })
  await write(journal, textChunk('s', 1, 'text'))
  await journal.close()
  const { damage } = await verify(t, directory)
  t.match(damage, [
    { table: 'meta', key: 'epoch' },
    { table: 'chunks', key: 's', what: 'there is no record of this session' },
  ])
})

t.test('what a dropped session left is no damage', async (t) => {
  const directory = t.testdir()
  await writeJournal(directory, { blue: 3000 })
  const journal = openLmdbJournal({ directory })
  const drop = { op: 'drop', session: 'blue' } as const
  await write(journal, { op: 'delete', table: 'sessions', key: 'blue' }, drop)
  await journal.close()
  t.equal((await verify(t, directory)).damage_count, 0)
})

t.test(
  'what was trimmed and is not removed yet is a gap of retention, and no damage',
  async (t) => {
    const directory = t.testdir()
    await writeJournal(directory, { blue: 3000 })
    const journal = openLmdbJournal({ directory })
    await write(journal, { op: 'trim', session: 'blue', before: 2990 })
    await journal.close()
    t.equal((await verify(t, directory)).damage_count, 0)
    const stats = JSON.parse((await tool(t, directory, 'stats', '--json')).stdout) as object
    t.match(stats, { chunks: 11, damage_count: 0 })
    const { lines } = await exported(t, directory)
    t.match(lines[0], { session: 'blue', gap: { from: 1, to: 2989, reason: 'retention' } })
    t.same(
      lines.slice(1).map(({ seq }) => seq),
      from(2990, 3000),
    )
  },
)

t.test('pages that make LMDB abort are damage, and the tables behind are read', async (t) => {
  const directory = t.testdir()
  const long = (session: string, sequence: number) => textOf(session, sequence).repeat(20)
  await writeJournal(directory, { blue: 500, green: 5 }, long)
  ruinPages(directory, textOf('blue', 250))
  const { exit, damage } = await verify(t, directory)
  t.equal(exit, EXIT_DAMAGED)
  t.match(damage, [{ table: 'chunks', what: /died \(SIG[A-Z]+\) at or behind key blue \d+$/ }])
  const { stdout } = await tool(t, directory, 'verify')
  t.match(stdout, '2 sessions')
  const { exit: ended, lines, stderr } = await exported(t, directory)
  t.equal(ended, EXIT_DAMAGED)
  t.match(stderr, 'the reading process died')
  const green = lines.filter(({ session, seq }) => session === 'green' && seq !== undefined)
  t.equal(green.length, 5, 'the session behind the damage is whole')
  t.match(
    lines.find(({ gap }) => gap !== undefined),
    { session: 'blue', gap: { to: null, reason: 'corrupt' } },
  )
})

t.test('ruined first pages, an empty file and one that was cut short are damage', async (t) => {
  const directory = t.testdir()
  await writeJournal(directory, { blue: 3000 })
  const path = join(directory, 'journal.mdb')
  const bytes = readFileSync(path)
  const damaged = {
    'no first pages': Buffer.concat([Buffer.alloc(8192), bytes.subarray(8192)]),
    empty: Buffer.alloc(0),
    'cut short': bytes.subarray(0, 4 * 4096),
  }
  for (const [name, content] of Object.entries(damaged)) {
    writeFileSync(path, content)
    t.equal((await verify(t, directory)).exit, EXIT_DAMAGED, name)
    t.same(readFileSync(path), content, 'it is left as it is')
  }
})

t.test('export tells each chunk as logs --json does, and gaps', async (t) => {
  const directory = t.testdir()
  await writeJournal(directory, { blue: 600, green: 3 })
  flipBit(directory, textOf('blue', 300))
  const { exit, lines } = await exported(t, directory, '--since', '2')
  t.equal(exit, 0)
  t.same(lines[0], {
    session: 'blue',
    seq: 2,
    time: 1_700_000_000_002,
    turn: 1,
    type: 'text',
    content: textOf('blue', 2),
  })
  t.same(lines[298], { session: 'blue', gap: { from: 300, to: 300, reason: 'corrupt' } })
  t.same(
    lines.map(({ seq }) => seq),
    [...from(2, 299), undefined, ...from(301, 600), 2, 3],
  )
  const some = await exported(t, directory, '--session', 'green-name', '--until', '2')
  t.same(
    some.lines.map(({ session, seq }) => [session, seq]),
    [
      ['green', 1],
      ['green', 2],
    ],
  )
})

function from(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

t.test('a session whose record is damaged is exported by its id', async (t) => {
  const directory = t.testdir()
  await writeJournal(directory, { blue: 3 })
  flipBit(directory, 'blue-name')
  t.equal((await exported(t, directory, '--session', 'blue')).lines.length, 3)
  const { exit, stderr } = await exported(t, directory, '--session', 'blue-name')
  t.equal(exit, EXIT_CODES.NOT_FOUND.code)
  t.match(stderr, 'blue-name')
})

t.test('export ends well when its reader goes away', async (t) => {
  const directory = t.testdir()
  await writeJournal(directory, { blue: 5000 }, () => 'x'.repeat(500))
  const run = startCli(t, shortDir(t), ['journal', 'export', '--journal-dir', directory])
  await run.says('"seq":1')
  run.process.stdout?.destroy()
  t.match(await run.result, { exit: 0, stderr: '' })
})

t.test('the journal is found where the broker of the same settings has it', async (t) => {
  const home = shortDir(t)
  await writeJournal(join(home, 'lab', 'journal'), { blue: 1 })
  const dir = join(home, 'lab')
  const config = join(home, 'config.json')
  const inFile = { broker: { dir }, contexts: { lab: { dir }, far: { endpoint: 'tcp://x:1' } } }
  writeFileSync(config, JSON.stringify(inFile))
  const ways: [readonly string[], Readonly<Record<string, string>>][] = [
    [['--dir', dir, 'journal', 'verify'], {}],
    [['journal', 'verify'], { AGENTMQ_DIR: dir }],
    [['journal', 'verify'], { AGENTMQ_JOURNAL_DIR: join(dir, 'journal') }],
    [['journal', 'verify', '--config', config], {}],
    [['--context', 'lab', 'journal', 'verify', '--config', config], {}],
    [['journal', 'verify'], { AGENTMQ_CONFIG: config, AGENTMQ_ENDPOINT: 'tcp://x:1' }],
  ]
  for (const [args, env] of ways) {
    const { exit, stderr } = await runCli(t, home, args, { env })
    t.same([exit, stderr], [0, ''], `${args.join(' ')} ${JSON.stringify(env)}`)
  }
  const far = ['journal', 'verify', '--context', 'far', '--config', config]
  t.match(await runCli(t, home, far), { exit: 2, stderr: /far has no dir/ })
  t.match(await runCli(t, home, ['journal', 'verify']), { exit: 2, stderr: /there is no journal/ })
})

t.test('wrong usage is told, for programs as JSON', async (t) => {
  const home = shortDir(t)
  const wrong: [readonly string[], RegExp][] = [
    [[], /say what to do: verify, audit, stats, export, compact/],
    [['verfy'], /did you mean verify/],
    [['verify', '--since', '3'], /--since belongs to export/],
    [['verify', '--dri', 'x'], /did you mean --dir/],
  ]
  for (const [args, text] of wrong) {
    t.match(await runCli(t, home, ['journal', ...args]), { exit: 2, stderr: text })
  }
  const { stderr } = await runCli(t, home, ['--json', 'journal', 'verify'])
  t.match(JSON.parse(stderr), { error: { code: 'BAD_CONFIG', exit_code: 2 } })
})
