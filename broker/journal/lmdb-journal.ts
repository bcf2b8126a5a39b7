/**
 * The journal on LMDB: checks writes, groups them into commits, and serves reads. One process owns a
 * file at a time. Sequences are the caller's: nothing is numbered here.
 */
import { mkdirSync, statfsSync } from 'node:fs'
import { ProtocolError } from '../../protocol/errors.ts'
import { PageWriter } from '../../protocol/messages/page-writer.ts'
import { claim } from '../ownership.ts'
import { filesOf, removeDrafts } from './files.ts'
import { GROUP_LIMITS, GroupCommit, type PendingWrite } from './group-commit.ts'
import type {
  Durable,
  Journal,
  JournalOperation,
  JournalStats,
  PageResult,
  ReadRange,
  ReadResult,
  Table,
} from './journal.ts'
import { sequenceOf, tableKey } from './keys.ts'
import { cannotWrite } from './lmdb-file.ts'
import { LmdbStore } from './lmdb-store.ts'
import { MIGRATIONS, type Migration } from './migrations.ts'
import { encodeOperation, grows, sizeOf } from './operations.ts'
import { collect, type RangeSource, type Sequenced, type StoredRecord, walk } from './range.ts'
import { bodyBytes, decodeChunk, decodeSmall, pageEntry } from './record.ts'
import { type Step, Streams } from './streams.ts'
import type { SyncPolicy } from './sync-policy.ts'

export interface LmdbJournalOptions {
  /** Created with mode 0700 when it is missing. Holds journal.mdb, its lock and its owner's pid. */
  readonly directory: string
  readonly maxCommitOperations?: number
  readonly maxCommitBytes?: number
  readonly sync?: SyncPolicy
  readonly maxBytes?: number
  readonly minFreeBytes?: number
  readonly migrations?: readonly Migration[]
  /** Bytes that the disk has left. */
  readonly freeBytes?: () => number
  /** Milliseconds on any clock that does not go back. */
  readonly now?: () => number
}

const DEFAULTS = {
  ...GROUP_LIMITS,
  sync: 'always' as SyncPolicy,
  migrations: MIGRATIONS,
  // Bytes of live records; writes that need more are STORAGE_FULL. The disk is the limit by default.
  maxBytes: Number.POSITIVE_INFINITY,
  // Bytes that must stay free on the disk. LMDB never gets to see a full one: its binding writes past
  // a buffer while it reports the failed write of a large page, and may end the process.
  minFreeBytes: 64 * 1024 * 1024,
  now: () => performance.now(),
}

type Settings = typeof DEFAULTS & { readonly freeBytes: () => number }

/** Bytes a process without privileges may still take. */
function freeBytesOf(directory: string): number {
  const disk = statfsSync(directory)
  return disk.bavail * disk.bsize
}

/**
 * Opens or creates a journal. Throws IN_USE when another process has it, STORAGE_FAILED when the file
 * is not a journal, is of a newer version, or cannot be opened.
 */
export function openLmdbJournal(options: LmdbJournalOptions): Journal {
  const { data, owner } = filesOf(options.directory)
  const release = own(options.directory, owner)
  try {
    removeDrafts(options.directory)
    const freeBytes = () => freeBytesOf(options.directory)
    const settings = { ...DEFAULTS, freeBytes, ...options }
    return new LmdbJournal(new LmdbStore(data, settings), release, settings)
  } catch (thrown) {
    release()
    throw thrown
  }
}

function own(directory: string, path: string): () => void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return claim(path, `journal ${directory}`)
  } catch (cause) {
    throw cannotWrite(directory, cause)
  }
}

interface RecordView extends Sequenced {
  readonly record: Buffer
}

class LmdbJournal implements Journal {
  readonly #store: LmdbStore
  readonly #release: () => void
  readonly #settings: Settings
  readonly #streams: Streams
  readonly #writes: GroupCommit<Step>
  /** Sessions whose next slice waits in the queue of writes. */
  readonly #purging = new Set<string>()
  /** Dropped and trimmed sessions whose removal lacked room. */
  readonly #owed = new Set<string>()
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closed: Promise<void> | undefined
  #commits = 0
  #operations = 0
  #corrupt = 0
  #lastCommitMs = 0

  constructor(store: LmdbStore, release: () => void, settings: Settings) {
    this.#store = store
    this.#release = release
    this.#settings = settings
    this.#streams = new Streams(store)
    this.#corrupt = this.#streams.damaged
    this.#writes = new GroupCommit((writes) => this.#commit(writes), settings)
    for (const session of this.#streams.unpurged()) this.#purge(session)
  }

  write(operations: readonly JournalOperation[], durable: Durable): void {
    if (this.#state !== 'open') throw notOpen(this.#state)
    const encoded = operations.map(encodeOperation)
    const bytes = encoded.reduce((sum, operation) => sum + sizeOf(operation), 0)
    this.#writes.add({ operations: encoded, bytes, grows: encoded.some(grows), durable })
  }

  async #commit(writes: readonly PendingWrite<Step>[]): Promise<void> {
    if (writes.some((write) => write.grows)) {
      this.#checkRoom(writes.reduce((sum, write) => sum + write.bytes, 0))
    }
    const steps = writes.flatMap((write) => write.operations)
    for (const step of steps) if (step.op === 'purge') this.#purging.delete(step.session)
    const plan = this.#streams.plan(steps)
    const started = this.#settings.now()
    if (plan.changes.length > 0) await this.#store.commit(plan.changes).catch(this.#explain)
    this.#lastCommitMs = this.#settings.now() - started
    this.#commits += 1
    this.#operations += writes.reduce((sum, write) => sum + write.operations.length, 0)
    this.#streams.applied(plan)
    for (const session of this.#owed) plan.unpurged.add(session)
    this.#owed.clear()
    for (const session of plan.unpurged) this.#purge(session)
  }

  /** A disk that fills up shows first as a short write, which LMDB reports as an I/O error. */
  readonly #explain = (error: unknown): never => {
    this.#checkRoom(0)
    throw error
  }

  /** Throws STORAGE_FULL. Looked at before each commit, so it heals as soon as there is room. */
  #checkRoom(bytes: number): void {
    const { maxBytes, minFreeBytes, freeBytes } = this.#settings
    const free = freeBytes()
    // Twice: pages are copied on write, and half of one may stay empty.
    if (free - 2 * bytes < minFreeBytes) {
      const reason = `${free} bytes are free on the disk, and ${minFreeBytes} must stay free`
      throw new ProtocolError('STORAGE_FULL', { reason })
    }
    if (Number.isFinite(maxBytes) && this.#store.usedBytes() + bytes > maxBytes) {
      throw new ProtocolError('STORAGE_FULL', { reason: `it may take ${maxBytes} bytes` })
    }
  }

  /**
   * Cut off by `close` or failed, it goes on when the journal is next opened; for want of room, with the
   * next commit. Not tried on and on: a damaged page under it would fail every group it is in.
   */
  #purge(session: string): void {
    if (this.#state !== 'open' || this.#purging.has(session)) return
    this.#purging.add(session)
    const operations = [{ op: 'purge', session }] as const
    const durable = (error: Error | undefined): void => {
      if (error) this.#purging.delete(session)
      if (error instanceof ProtocolError && error.code === 'STORAGE_FULL') this.#owed.add(session)
    }
    this.#writes.add({ operations, bytes: 0, grows: false, durable })
  }

  head(session: string): { readonly sequence: number; readonly producerSequence: number } {
    this.#checkReadable()
    return this.#streams.head(session)
  }

  read(session: string, range: ReadRange): ReadResult {
    return collect(
      this.#source(session, (from, to) => this.#records(session, from, to)),
      range,
    )
  }

  readPage(session: string, range: ReadRange): PageResult {
    const page = new PageWriter()
    const source = this.#source(session, (from, to) => this.#views(session, from, to))
    const rest = walk(source, range, {
      sizeOf: ({ sequence, record }) => {
        const bytes = bodyBytes(session, sequence, record)
        if (bytes === undefined) this.#corrupt += 1
        return bytes
      },
      take: ({ sequence, record }) => page.add(pageEntry(sequence, record)),
    })
    return { page: page.finish(), ...rest }
  }

  #source<R extends Sequenced>(
    session: string,
    records: RangeSource<R>['records'],
  ): RangeSource<R> {
    this.#checkReadable()
    const head = this.#streams.head(session).sequence
    return { head, first: () => this.#first(session), records }
  }

  /** Records that are void with the next one. */
  *#views(session: string, from: number, to: number): Generator<RecordView> {
    const [start, end] = [this.#streams.key(session, from), this.#streams.key(session, to + 1)]
    for (const { key, value } of this.#store.views(start, end)) {
      yield { sequence: sequenceOf(key), record: value }
    }
  }

  *#records(session: string, from: number, to: number): Generator<StoredRecord> {
    const [start, end] = [this.#streams.key(session, from), this.#streams.key(session, to + 1)]
    for (const { key, value } of this.#store.range('chunks', start, end)) {
      const sequence = sequenceOf(key)
      const chunk = decodeChunk(session, sequence, value)
      if (!chunk) this.#corrupt += 1
      yield { sequence, chunk }
    }
  }

  #first(session: string): number {
    const head = this.#streams.head(session).sequence
    const [start, end] = [this.#streams.key(session, 0), this.#streams.key(session, head + 1)]
    const key = this.#store.keys('chunks', start, end, 1)[0]
    return key ? sequenceOf(key) : head + 1
  }

  get(table: Table, key: string): unknown {
    this.#checkReadable()
    const record = this.#store.get(table, tableKey(key))
    if (record === undefined) return undefined
    const decoded = decodeSmall(table, key, record)
    if (decoded) return decoded.value
    this.#corrupt += 1
    const reason = `the record ${key} of table ${table} fails its checksum`
    throw new ProtocolError('STORAGE_FAILED', { reason })
  }

  *entries(table: Table): Generator<{ readonly key: string; readonly value: unknown }> {
    this.#checkReadable()
    for (const entry of this.#store.range(table)) {
      const key = entry.key.toString('utf8')
      const decoded = decodeSmall(table, key, entry.value)
      if (decoded) yield { key, value: decoded.value }
      else this.#corrupt += 1
    }
  }

  damaged(table: Table): string[] {
    this.#checkReadable()
    const damaged: string[] = []
    for (const entry of this.#store.range(table)) {
      const key = entry.key.toString('utf8')
      // One whose own bytes are damaged may be no text: nobody could name it, or write to it.
      const isText = Buffer.from(key, 'utf8').equals(entry.key)
      if (isText && !decodeSmall(table, key, entry.value)) damaged.push(key)
    }
    return damaged
  }

  stats(): JournalStats {
    this.#checkReadable()
    return {
      bytes: this.#store.usedBytes(),
      commits: this.#commits,
      operations: this.#operations,
      corrupt: this.#corrupt,
      lastCommitMs: this.#lastCommitMs,
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    await this.#writes.idle()
    this.#state = 'closed'
    await this.#store.close()
    this.#release()
  }

  /** Reads go on while the last writes are waited for: their callbacks may want to look. */
  #checkReadable(): void {
    if (this.#state === 'closed') throw notOpen(this.#state)
  }
}

function notOpen(state: string): ProtocolError {
  return new ProtocolError('STORAGE_FAILED', { reason: `it is ${state}` })
}
