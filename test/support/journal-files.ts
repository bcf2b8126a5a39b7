/** Journals on disk for tests: written as a broker writes them, and damaged as a disk may. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JournalOperation, Table } from '../../broker/journal/journal.ts'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import type { Entry } from '../../broker/journal/lmdb-store.ts'
import type { Migration, MigrationTables } from '../../broker/journal/migrations.ts'
import { decodeSmall, encodeSmall } from '../../broker/journal/record.ts'
import { JournalFile } from '../../broker/journal-tool/journal-file.ts'
import { encode } from '../../protocol/codec.ts'
import { CHUNK_CODES } from '../../protocol/messages/chunk.ts'
import { write } from './journal-contract.ts'

export function textChunk(session: string, sequence: number, text: string): JournalOperation {
  const body = encode({ content: text })
  const at = { sequence, producerSequence: sequence, time: 1_700_000_000_000 + sequence, turn: 1 }
  return { op: 'append', session, chunk: { ...at, type: CHUNK_CODES.text, body } }
}

export const textOf = (session: string, sequence: number): string => `${session} says ${sequence}.`

export function putSession(session: string): JournalOperation {
  return { op: 'put', table: 'sessions', key: session, value: { session, name: `${session}-name` } }
}

/** A journal of a broker's first life, with so many chunks in each of these sessions. */
export async function writeJournal(
  directory: string,
  chunks: Readonly<Record<string, number>>,
  text = textOf,
): Promise<void> {
  const journal = openLmdbJournal({ directory })
  await write(journal, { op: 'put', table: 'meta', key: 'epoch', value: 1 })
  for (const [session, count] of Object.entries(chunks)) {
    const appends = Array.from({ length: count }, (_, index) =>
      textChunk(session, index + 1, text(session, index + 1)),
    )
    await write(journal, putSession(session), ...appends)
  }
  await journal.close()
}

/** In every place where the bytes lie: a page that is no longer used may still hold a copy. */
export function flipBit(directory: string, needle: Buffer | string): void {
  const path = join(directory, 'journal.mdb')
  const bytes = readFileSync(path)
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) {
    bytes[at] = (bytes[at] ?? 0) ^ 1
  }
  writeFileSync(path, bytes)
}

/** Zeros every page that has these bytes. A page of zeros is none of LMDB's: it aborts when it gets there. */
export function ruinPages(directory: string, needle: string): void {
  const path = join(directory, 'journal.mdb')
  const bytes = readFileSync(path)
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) {
    const page = at - (at % 4096)
    bytes.fill(0, page, page + 4096)
  }
  writeFileSync(path, bytes)
}

/** Flips a bit of one small record of a journal that nobody has open. */
export async function damageRecord(directory: string, table: Table, key: string): Promise<void> {
  const file = new JournalFile(join(directory, 'journal.mdb'))
  const entry = [...file.entries(table)].find((one) => one.key.toString('utf8') === key)
  await file.close()
  if (!entry) throw new Error(`there is no record ${key} in table ${table}`)
  flipBit(directory, entry.value)
}

/** A step that writes its name behind every text in the table `meta`, and then does what it is told. */
export function markStep(name: string, then: () => void = () => undefined): Migration {
  const marked = ({ key: bytes, value }: Entry): Buffer => {
    const key = bytes.toString('utf8')
    const text = decodeSmall('meta', key, value)?.value
    return typeof text === 'string' ? encodeSmall('meta', key, `${text} ${name}`) : value
  }
  const run = (tables: MigrationTables): void => {
    tables.rewrite('meta', marked)
    then()
  }
  return { what: `take the step ${name}`, run }
}
