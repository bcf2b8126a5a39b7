/** Reads one table of a journal from end to end and tells what is there and what is wrong with it. */

import { matches } from '../../protocol/schema.ts'
import { Type } from '../../protocol/typebox.ts'
import { parseChunkKey } from '../journal/keys.ts'
import type { DatabaseName, Entry } from '../journal/lmdb-store.ts'
import { decodeSmall } from '../journal/record.ts'
import { readBounds } from '../journal/streams.ts'
import { ChunkSurvey } from './chunk-survey.ts'
import type { JournalFile } from './journal-file.ts'
import type { SurveyLine } from './survey-lines.ts'

export type Tell = (line: SurveyLine) => void

/** Records between two accounts of where the reading is. */
const AT_EVERY = 64

/** Those of every journal there ever was. */
const FIRST_TABLES: readonly DatabaseName[] = ['meta', 'sessions', 'chunks', 'streams']

/** Damaged records of one table that are named; the others are counted. */
export const MAX_NAMED = 1000

/** What a table wants to know of each record. Returns what is wrong with it. */
export interface RecordCheck {
  check(entry: Entry): { readonly key: string; readonly what: string } | undefined
  end?(): void
}

const SessionRecord = Type.Object({ session: Type.String() })
const CHECKSUM = 'fails its checksum'

function smallCheck(
  table: Exclude<DatabaseName, 'chunks'>,
  isSound: (key: string, value: unknown) => string | undefined,
): RecordCheck {
  return {
    check({ key: bytes, value }) {
      const key = bytes.toString(table === 'streams' ? 'latin1' : 'utf8')
      const decoded = decodeSmall(table, key, value)
      const what = decoded ? isSound(key, decoded.value) : CHECKSUM
      return what === undefined ? undefined : { key, what }
    },
  }
}

function checkOf(table: DatabaseName, file: JournalFile, tell: Tell): RecordCheck {
  switch (table) {
    case 'meta':
      return smallCheck(table, (key, value) => {
        if (key !== 'epoch') return undefined
        if (!matches(Type.Integer({ minimum: 1 }), value)) return 'is no number'
        tell({ kind: 'epoch', epoch: value })
        return undefined
      })
    case 'sessions':
      return smallCheck(table, (key, value) => {
        if (!matches(SessionRecord, value) || value.session !== key) return 'is of another session'
        tell({ kind: 'session', session: key })
        return undefined
      })
    case 'streams':
      return smallCheck(table, (_key, value) => (readBounds(value) ? undefined : 'has no bounds'))
    case 'chunks':
      return new ChunkSurvey(file, tell)
    default:
      return smallCheck(table, () => undefined)
  }
}

export function surveyTable(file: JournalFile, table: DatabaseName, tell: Tell): void {
  tell({ kind: 'at', table, key: '' })
  if (!file.has(table)) {
    // Some tables came later, and are made when a broker opens the journal.
    if (FIRST_TABLES.includes(table)) {
      tell({ kind: 'damage', table, key: '', what: 'the table is missing' })
    }
    return
  }
  const account = file.account(table)
  const check = checkOf(table, file, tell)
  let [records, damaged] = [0, 0]
  let before: Buffer | undefined
  const complain = (key: string, what: string) => {
    damaged += 1
    if (damaged <= MAX_NAMED) tell({ kind: 'damage', table, key, what })
  }
  for (const entry of file.entries(table)) {
    const { key } = entry
    if (records % AT_EVERY === 0) tell({ kind: 'at', table, key: shown(table, key) })
    records += 1
    if (before && Buffer.compare(before, key) >= 0) complain(shown(table, key), 'lies out of order')
    before = key
    const wrong = check.check(entry)
    if (wrong) complain(wrong.key, wrong.what)
  }
  check.end?.()
  if (records !== account.records) {
    complain('', `${records} records were read where the tree counts ${account.records}`)
  }
  tell({ kind: 'table', table, records, damaged, bytes: account.bytes })
}

/** A key for people: printable characters as they are. */
function shown(table: DatabaseName, key: Buffer): string {
  const place = table === 'chunks' ? parseChunkKey(key) : undefined
  if (place) return `${place.session} ${place.sequence}`
  return key.toString('latin1').replace(/[^ -~]/g, (odd) => {
    return `\\x${odd.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
