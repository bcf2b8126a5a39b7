/**
 * Owns the LMDB environment and its databases: bytes by key, committed in one transaction at a time.
 * Does not know what the bytes mean. What was found out about lmdb 3.5.5 stands beside the code that
 * deals with it.
 */
import { setImmediate as immediate } from 'node:timers/promises'
import { type Database, open, type RangeOptions, type RootDatabase } from 'lmdb'
import { ProtocolError } from '../../protocol/errors.ts'
import { TABLES } from './journal.ts'
import { BINARY, BYTES, LOWEST_KEY, VIEWS } from './lmdb-bytes.ts'
import { entryCount, pageBytes } from './lmdb-figures.ts'
import { cannotOpen, cannotWrite, inspectFile, prepareFile, probeWrite } from './lmdb-file.ts'
import { type Migration, missingSteps, runSteps, SCHEMA_KEY, versionAfter } from './migrations.ts'
import { decodeSmall, encodeSmall } from './record.ts'
import type { SyncPolicy } from './sync-policy.ts'

export const DATABASES = [...TABLES, 'chunks', 'streams'] as const
export type DatabaseName = (typeof DATABASES)[number]

type Bytes = Database<Buffer, Buffer>
type Databases = { readonly [Name in DatabaseName]: Bytes }

export type Change =
  | { readonly to: DatabaseName; readonly key: Buffer; readonly value: Buffer }
  | { readonly to: DatabaseName; readonly key: Buffer; readonly value: undefined }

export interface Entry {
  readonly key: Buffer
  readonly value: Buffer
}

interface Environment {
  readonly root: RootDatabase<Buffer, Buffer>
  readonly databases: Databases
  /** Of `chunks` once more; see VIEWS. */
  readonly views: Bytes
}

export interface StoreOptions {
  readonly sync: SyncPolicy
  readonly migrations: readonly Migration[]
}

// Seen with strace, for one commit. always: pages, fdatasync, the page that points to them through a
// descriptor with O_DSYNC. data: pages, fdatasync, a plain write of that page. os: plain writes.
const SYNC_OPTIONS = {
  always: {},
  data: { noMetaSync: true },
  os: { noSync: true },
} as const satisfies Record<SyncPolicy, object>

function openRoot(path: string, sync: SyncPolicy): RootDatabase<Buffer, Buffer> {
  prepareFile(path)
  const options = {
    ...BINARY,
    ...SYNC_OPTIONS[sync],
    path,
    noSubdir: true,
    maxDbs: DATABASES.length + 1,
    // Otherwise a commit resolves before its data is on disk, and the file is marked so for good.
    overlappingSync: false,
    // Groups are gathered above; the binding need not wait for more.
    eventTurnBatching: false,
    permissionsMode: 0o600,
  }
  return open<Buffer, Buffer>(options)
}

/** The steps that the file lacks. A new file gets its version at once. Throws STORAGE_FAILED. */
function lackedSteps(
  path: string,
  root: RootDatabase<Buffer, Buffer>,
  migrations: readonly Migration[],
): readonly Migration[] {
  const isNew = entryCount(root) === 0
  const schema: Bytes = root.openDB({ ...BYTES, name: 'schema' })
  const record = schema.get(Buffer.from(SCHEMA_KEY))
  if (record !== undefined) {
    return missingSteps(path, decodeSmall('schema', SCHEMA_KEY, record)?.value, migrations)
  }
  if (!isNew) throw cannotOpen(path, 'is an LMDB file, but not a journal')
  putVersion(schema, migrations)
  return []
}

function putVersion(schema: Bytes, migrations: readonly Migration[]): void {
  const version = versionAfter(migrations)
  schema.putSync(Buffer.from(SCHEMA_KEY), encodeSmall('schema', SCHEMA_KEY, version))
}

function openEnvironment(path: string, { sync, migrations }: StoreOptions): Environment {
  let root: RootDatabase<Buffer, Buffer> | undefined
  try {
    root = openRoot(path, sync)
    const steps = lackedSteps(path, root, migrations)
    const environment = environmentOf(root)
    if (steps.length > 0) migrate({ ...environment, path, steps, migrations })
    return environment
  } catch (cause) {
    void root?.close()
    if (cause instanceof ProtocolError) throw cause
    throw cannotOpen(path, cause)
  }
}

/** Takes nothing but a file that can be read: reads go on while the disk takes no writes. */
function openForReading(path: string): Environment {
  inspectFile(path)
  const options = {
    ...BINARY,
    path,
    noSubdir: true,
    readOnly: true,
    maxDbs: DATABASES.length + 1,
    permissionsMode: 0o600,
  }
  return environmentOf(open<Buffer, Buffer>(options))
}

interface MigrationRun extends Environment {
  readonly path: string
  readonly steps: readonly Migration[]
  readonly migrations: readonly Migration[]
}

function migrate({ path, root, databases, steps, migrations }: MigrationRun): void {
  const schema: Bytes = root.openDB({ ...BYTES, name: 'schema' })
  root.transactionSync(() => {
    runSteps(path, steps, {
      rewrite: (table, change) => rewrite(databases[table], change),
      put: (table, key, value) => databases[table].putSync(key, value),
    })
    putVersion(schema, migrations)
  })
}

/** Entries that are read before they are changed: LMDB's iterators do not outlive a change. */
const REWRITE_SLICE = 512

function rewrite(database: Bytes, change: (entry: Entry) => Buffer | undefined): void {
  let behind: Buffer | undefined
  for (;;) {
    const from = behind ? { start: behind, exclusiveStart: true } : { start: LOWEST_KEY }
    const slice = [...database.getRange({ ...from, limit: REWRITE_SLICE })]
    for (const entry of slice) {
      const value = change(entry)
      if (value === undefined) database.removeSync(entry.key)
      else if (value !== entry.value) database.putSync(entry.key, value)
      behind = entry.key
    }
    if (slice.length < REWRITE_SLICE) return
  }
}

function environmentOf(root: RootDatabase<Buffer, Buffer>): Environment {
  const views: Bytes = root.openDB({ ...VIEWS, name: 'chunks' satisfies DatabaseName })
  return { root, databases: openDatabases(root), views }
}

function openDatabases(root: RootDatabase<Buffer, Buffer>): Databases {
  const one = (name: DatabaseName): Bytes => root.openDB({ ...BYTES, name })
  return {
    meta: one('meta'),
    sessions: one('sessions'),
    idempotency: one('idempotency'),
    approvals: one('approvals'),
    workflows: one('workflows'),
    workflow_texts: one('workflow_texts'),
    tasks: one('tasks'),
    state: one('state'),
    principals: one('principals'),
    chunks: one('chunks'),
    streams: one('streams'),
  }
}

// LMDB's numbers, and the names that Node.js gives to the same.
const READ_ONLY_CODES: readonly unknown[] = [30, 'EROFS']
const MDB_MAP_FULL = -30792
const FULL_CODES: readonly unknown[] = [MDB_MAP_FULL, 28, 'ENOSPC', 122, 'EDQUOT', 27, 'EFBIG']

function commitFailure(cause: unknown): ProtocolError {
  const told = cause instanceof Error ? cause.message : String(cause)
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const isFull = FULL_CODES.includes(code)
  const hint = READ_ONLY_CODES.includes(code)
    ? '; work goes on by itself once it can be written again'
    : ''
  const reason = `${told}${hint}`
  return new ProtocolError(isFull ? 'STORAGE_FULL' : 'STORAGE_FAILED', { reason }, { cause })
}

/**
 * The binding rejects with a general error that carries a second promise for the real reason. That
 * promise rejects on its own: unless somebody listens, it ends the process.
 */
async function reasonOf(thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof Error) || !('commitError' in thrown)) return thrown
  const reason = Promise.resolve(thrown.commitError).catch((cause: unknown) => cause)
  return (await Promise.race([reason, immediate(undefined)])) ?? thrown
}

export class LmdbStore {
  readonly #path: string
  readonly #options: StoreOptions
  #environment: Environment | undefined
  /** A failed commit leaves an environment for reading alone, until the next one is tried. */
  #access: 'write' | 'read' = 'write'

  /** Opens or creates the file. Throws STORAGE_FAILED when that cannot be. */
  constructor(path: string, options: StoreOptions) {
    this.#path = path
    this.#options = options
    this.#environment = openEnvironment(path, options)
  }

  /**
   * All changes in one transaction; resolves after the data and the page that points to it are synced.
   * Rejects with STORAGE_FULL or STORAGE_FAILED, and then nothing of it is stored.
   */
  async commit(changes: readonly Change[]): Promise<void> {
    const { root, databases } = await this.#openForWriting()
    try {
      await root.batch(() => {
        for (const { to, key, value } of changes) {
          // Promises of writes inside a batch are one shared, settled promise: the batch tells.
          if (value) void databases[to].put(key, value)
          else void databases[to].remove(key)
        }
      })
    } catch (thrown) {
      const cause = await reasonOf(thrown)
      await this.#discard()
      throw commitFailure(cause)
    }
  }

  get(from: DatabaseName, key: Buffer): Buffer | undefined {
    return this.#reading(({ databases }) => databases[from].get(key))
  }

  /** Entries from `start` to before `end`; the bytes are copies. Read to the end without awaiting. */
  range(from: DatabaseName, start = LOWEST_KEY, end?: Buffer): Generator<Entry> {
    return this.#entries(({ databases }) => databases[from], { start, ...(end && { end }) })
  }

  /** Chunks from `start` to before `end`; each is void with the next. Nothing else may be read meanwhile. */
  views(start: Buffer, end: Buffer): Generator<Entry> {
    return this.#entries(({ views }) => views, { start, end })
  }

  /** Entries from `last` back to behind `end`, likewise. */
  backwards(from: DatabaseName, last: Buffer, end: Buffer): Generator<Entry> {
    return this.#entries(({ databases }) => databases[from], { start: last, end, reverse: true })
  }

  *#entries(from: (environment: Environment) => Bytes, options: RangeOptions): Generator<Entry> {
    const entries = this.#reading((environment) => {
      return from(environment).getRange(options)[Symbol.iterator]()
    })
    try {
      for (;;) {
        const step = this.#reading(() => entries.next())
        if (step.done === true) return
        yield step.value
      }
    } finally {
      entries.return?.()
    }
  }

  /** At most `limit` keys from `start` to before `end`. */
  keys(from: DatabaseName, start: Buffer, end: Buffer, limit: number): Buffer[] {
    return this.#reading(({ databases }) => [...databases[from].getKeys({ start, end, limit })])
  }

  /** Bytes of the pages that hold live records. The file does not shrink; free pages are used again. */
  usedBytes(): number {
    return this.#reading(({ databases }) =>
      DATABASES.reduce((sum, name) => sum + pageBytes(databases[name]), 0),
    )
  }

  async close(): Promise<void> {
    await this.#discard()
  }

  #reading<T>(read: (environment: Environment) => T): T {
    try {
      return read(this.#open())
    } catch (cause) {
      if (cause instanceof ProtocolError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new ProtocolError('STORAGE_FAILED', { reason }, { cause })
    }
  }

  #open(): Environment {
    this.#environment ??= openForReading(this.#path)
    return this.#environment
  }

  async #openForWriting(): Promise<Environment> {
    // Somebody may read while the other one is closed, and so open it again.
    while (this.#access === 'read' && this.#environment) await this.#discard()
    if (this.#access === 'read') this.#probe()
    this.#environment ??= openEnvironment(this.#path, this.#options)
    this.#access = 'write'
    return this.#environment
  }

  /**
   * The binding writes its account of a failed write of pages into 100 bytes, whatever its length, and may
   * so end the process. A disk that failed once is tried without it.
   */
  #probe(): void {
    try {
      probeWrite(this.#path)
    } catch (cause) {
      const failure = commitFailure(cause)
      throw failure.code === 'STORAGE_FULL' ? failure : cannotWrite(this.#path, cause)
    }
  }

  /**
   * After a failed commit LMDB may hold a mark that makes every later transaction fail, and the binding
   * then neither resolves nor rejects. So the environment is closed, and opened afresh at next use: for
   * writing by the next commit alone, because a disk that takes no writes may still be read.
   */
  async #discard(): Promise<void> {
    const environment = this.#environment
    this.#environment = undefined
    this.#access = 'read'
    await environment?.root.close()
  }
}
