/**
 * A process of its own around a journal, for tests that kill one or take its disk away.
 *
 *   node journal-child.js append DIRECTORY [SYNC]
 *                                            appends for ever; prints each acknowledged sequence
 *   node journal-child.js trim DIRECTORY     trims all of session s but 100; prints the first kept
 *   node journal-child.js hold DIRECTORY     opens, prints "open", waits
 *   node journal-child.js fill DIRECTORY     appends until refused, then reports on stdout as JSON
 */
import { writeSync } from 'node:fs'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import { SYNC_POLICIES } from '../../broker/journal/sync-policy.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { append, write } from './journal-contract.ts'

const [verb, directory = '', policy] = process.argv.slice(2)
const sync = SYNC_POLICIES.find((one) => one === policy) ?? 'always'
const journal = openLmdbJournal({ directory, sync })
// Synchronous: a line must not wait in a buffer when the process is killed.
const say = (line: string): number => writeSync(1, `${line}\n`)

/** Keeps a few dozen writes under way, of one and of several chunks. */
function appendForever(sequence: number): void {
  const count = (sequence % 5) + 1
  const last = sequence + count - 1
  const operations = Array.from({ length: count }, (_, index) => append('s', sequence + index))
  journal.write(operations, (error) => {
    if (error) throw error
    say(String(last))
  })
  if (sequence % 32 < count) setImmediate(appendForever, last + 1)
  else appendForever(last + 1)
}

const codeOf = (thrown: unknown): string =>
  thrown instanceof ProtocolError ? thrown.code : String(thrown)

async function outcome(sequence: number): Promise<string> {
  const text = 'x'.repeat(1000)
  const operations = [0, 1, 2, 3].map((index) => append('s', sequence + index, text))
  return write(journal, ...operations).then(() => 'stored', codeOf)
}

async function fill(): Promise<void> {
  let sequence = 1
  while ((await outcome(sequence)) === 'stored') sequence += 4
  const code = await outcome(sequence)
  const read = journal.read('s', { from: 1, to: 1e9, maxCount: 1e9, maxBytes: 1e9 })
  await journal.close()
  const stored = { acknowledged: sequence - 1, chunks: read.chunks.length, gaps: read.gaps.length }
  say(JSON.stringify({ code, ...stored }))
}

switch (verb) {
  case 'append':
    appendForever(journal.head('s').sequence + 1)
    break
  case 'fill':
    await fill()
    break
  case 'trim': {
    const before = journal.head('s').sequence - 99
    await write(journal, { op: 'trim', session: 's', before })
    say(String(before))
    break
  }
  default:
    say('open')
    setInterval(() => {}, 1000)
}
