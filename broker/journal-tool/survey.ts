/** The account of a whole journal: what is in it, and everything that is wrong with it. */
import { ProtocolError } from '../../protocol/errors.ts'
import { isOwnStream } from '../core/events.ts'
import { inspectFile } from '../journal/lmdb-file.ts'
import { DATABASES, type DatabaseName } from '../journal/lmdb-store.ts'
import { deathText, read } from './reading.ts'
import type { Damage, FileLine, StreamLine, SurveyLine, TableLine } from './survey-lines.ts'

export interface Survey {
  readonly path: string
  readonly file: FileLine | undefined
  readonly epoch: number | undefined
  readonly tables: readonly TableLine[]
  readonly streams: readonly StreamLine[]
  /** Chunks of dropped sessions that wait to be removed. */
  readonly removedChunks: number
  /** Sessions with an intact record. */
  readonly sessions: ReadonlySet<string>
  /** Named ones; `damageCount` counts all. */
  readonly damage: readonly Damage[]
  readonly damageCount: number
}

class Account {
  readonly #path: string
  #file: FileLine | undefined
  #epoch: number | undefined
  readonly #tables: TableLine[] = []
  readonly #streams: StreamLine[] = []
  #removedChunks = 0
  readonly #sessions = new Set<string>()
  readonly #damage: Damage[] = []
  /** Damage that no line of a table counts. */
  #uncounted = 0

  constructor(path: string) {
    this.#path = path
  }

  get isEmpty(): boolean {
    return this.#sessions.size === 0 && this.#streams.length === 0
  }

  get epoch(): number | undefined {
    return this.#epoch
  }

  hear(line: SurveyLine): void {
    switch (line.kind) {
      case 'at':
      case 'audit':
        return
      case 'file':
        this.#file = line
        return
      case 'table':
        this.#tables.push(line)
        return
      case 'stream':
        this.#streams.push(line)
        return
      case 'session':
        this.#sessions.add(line.session)
        return
      case 'epoch':
        this.#epoch = line.epoch
        return
      case 'removed':
        this.#removedChunks += line.chunks
        return
      case 'damage':
        this.#damage.push({ table: line.table, key: line.key, what: line.what })
    }
  }

  note(damage: Damage): void {
    this.#damage.push(damage)
    this.#uncounted += 1
  }

  hasRead(table: DatabaseName): boolean {
    return this.#tables.some((line) => line.table === table)
  }

  /** Each stream has a session, unless the record of the session could not be read. */
  checkOwners(): void {
    if (!this.hasRead('sessions')) return
    const damaged = this.#damage.filter(({ table }) => table === 'sessions').map(({ key }) => key)
    const known = new Set([...this.#sessions, ...damaged])
    for (const { session } of this.#streams) {
      // Those of the broker itself belong to no session.
      if (known.has(session) || isOwnStream(session)) continue
      this.note({ table: 'chunks', key: session, what: 'there is no record of this session' })
    }
  }

  survey(): Survey {
    const counted = this.#tables.reduce((sum, { damaged }) => sum + damaged, 0)
    return {
      path: this.#path,
      file: this.#file,
      epoch: this.#epoch,
      tables: this.#tables,
      streams: this.#streams,
      removedChunks: this.#removedChunks,
      sessions: this.#sessions,
      damage: this.#damage,
      damageCount: Math.max(this.#damage.length, counted + this.#uncounted),
    }
  }
}

/**
 * Reads everything; a table whose reading kills the process is noted, and the next one is read. Rejects
 * with STORAGE_FAILED when the file is no journal, or of a newer version.
 */
export async function survey(path: string): Promise<Survey> {
  const account = new Account(path)
  if (!isReadable(path, account)) return account.survey()
  let tables: readonly DatabaseName[] = DATABASES
  while (tables.length > 0) {
    const death = await read({ verb: 'survey', path, tables }, (line) => account.hear(line))
    if (!death) break
    const table = DATABASES.find((name) => name === death.at?.table)
    account.note({ table: table ?? '', key: '', what: deathText(death) })
    // Died before the first table, or failed to open: the next try would as well.
    if (!table) return account.survey()
    tables = tables.slice(tables.indexOf(table) + 1)
  }
  checkWhole(account)
  return account.survey()
}

/** The first pages of a journal that was damaged there are those of no journal at all. */
function isReadable(path: string, account: Account): boolean {
  try {
    inspectFile(path)
    return true
  } catch (thrown) {
    account.note({ table: '', key: '', what: ProtocolError.from(thrown, 'broker').message })
    return false
  }
}

function checkWhole(account: Account): void {
  const { file } = account.survey()
  if (file && file.version === undefined) {
    account.note({ table: 'schema', key: 'version', what: 'the record of the version is damaged' })
  }
  if (file && file.usedPages > file.totalPages) {
    const what = `tables count ${file.usedPages} pages in a file of ${file.totalPages}`
    account.note({ table: '', key: '', what })
  }
  const isMissing = account.hasRead('meta') && account.epoch === undefined && !account.isEmpty
  if (isMissing) account.note({ table: 'meta', key: 'epoch', what: 'there is no intact record' })
  account.checkOwners()
}
