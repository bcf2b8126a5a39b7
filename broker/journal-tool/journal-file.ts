/**
 * A journal as an onlooker reads it: read-only, from one snapshot as long as the caller does not await,
 * beside a broker that writes. While a snapshot is held the writer cannot use pages again that it frees.
 * LMDB ends the process on some damage, so this is for the reading process alone.
 */
import { type Database, open, type RootDatabase } from 'lmdb'
import { BINARY } from '../journal/lmdb-bytes.ts'
import { figure, figuresOf, pagesIn } from '../journal/lmdb-figures.ts'
import { cannotOpen, inspectFile } from '../journal/lmdb-file.ts'
import { DATABASES, type DatabaseName, type Entry } from '../journal/lmdb-store.ts'
import { MAX_VERSION, SCHEMA_KEY } from '../journal/migrations.ts'
import { decodeSmall } from '../journal/record.ts'

type Bytes = Database<Buffer, Buffer>

/** The two pages at the start that tell where everything is. */
const META_PAGES = 2

export interface Pages {
  readonly pageSize: number
  readonly total: number
  readonly used: number
}

export class JournalFile {
  readonly #path: string
  readonly #root: RootDatabase<Buffer, Buffer>
  readonly #databases = new Map<DatabaseName | 'schema', Bytes>()

  /** Throws STORAGE_FAILED when it is no journal, or one of a newer version. */
  constructor(path: string) {
    inspectFile(path)
    this.#path = path
    const options = {
      ...BINARY,
      path,
      noSubdir: true,
      readOnly: true,
      maxDbs: DATABASES.length + 1,
      permissionsMode: 0o600, // of the lock file, if it makes one
    }
    this.#root = open<Buffer, Buffer>(options)
    for (const name of ['schema', ...DATABASES] as const) {
      // Undefined when there is none: the types of the binding do not tell.
      const database = this.#root.openDB({ ...BINARY, name }) as Bytes | undefined
      if (database) this.#databases.set(name, database)
    }
    this.#checkVersion()
  }

  has(name: DatabaseName | 'schema'): boolean {
    return this.#databases.has(name)
  }

  /** Undefined when the record is damaged. */
  get version(): number | undefined {
    const record = this.#databases.get('schema')?.get(Buffer.from(SCHEMA_KEY))
    const value = record && decodeSmall('schema', SCHEMA_KEY, record)?.value
    return typeof value === 'number' ? value : undefined
  }

  #checkVersion(): void {
    if (!this.has('schema')) throw cannotOpen(this.#path, 'is an LMDB file, but not a journal')
    const { version } = this
    if (version === undefined || version <= MAX_VERSION) return
    throw cannotOpen(
      this.#path,
      `is of journal version ${version}; this agentmq reads ${MAX_VERSION}`,
    )
  }

  /** Entries from `start` to before `end`; the bytes are copies. */
  *entries(name: DatabaseName, start?: Buffer, end?: Buffer): Generator<Entry> {
    const options = { ...(start && { start }), ...(end && { end }) }
    yield* this.#databases.get(name)?.getRange(options) ?? []
  }

  /** The last entry from `start` to before `end`. */
  last(name: DatabaseName, start: Buffer, end: Buffer): Entry | undefined {
    const options = { start: end, end: start, reverse: true, limit: 1 }
    for (const entry of this.#databases.get(name)?.getRange(options) ?? []) return entry
    return undefined
  }

  /** What the tree of a table says of itself. */
  account(name: DatabaseName): { readonly records: number; readonly bytes: number } {
    const database = this.#databases.get(name)
    if (!database) return { records: 0, bytes: 0 }
    const figures = figuresOf(database)
    const bytes = pagesIn(figures) * figure(figures, 'pageSize')
    return { records: figure(figures, 'entryCount'), bytes }
  }

  get pages(): Pages {
    const figures = figuresOf(this.#root)
    const free = (figures['free'] ?? {}) as Readonly<Record<string, unknown>>
    const trees = [...this.#databases.values()].map((database) => pagesIn(figuresOf(database)))
    const used = trees.reduce((sum, count) => sum + count, META_PAGES)
    return {
      pageSize: figure(figures, 'pageSize'),
      total: figure(figures, 'lastPageNumber') + 1,
      used: used + pagesIn(figures) + pagesIn(free),
    }
  }

  /** Writes a copy without free pages. Rejects when a page cannot be read. */
  async copyTo(path: string): Promise<void> {
    await this.#root.backup(path, true)
  }

  async close(): Promise<void> {
    await this.#root.close()
  }
}
