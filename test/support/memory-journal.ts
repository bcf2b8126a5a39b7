/**
 * A journal in memory, for tests and for the simulation: the same promises as the one on disk, with
 * the moment of durability in the hands of the test.
 */
import { Packr } from 'msgpackr'
import type {
  Durable,
  Journal,
  JournalOperation,
  JournalStats,
  PageResult,
  ReadRange,
  ReadResult,
  StoredChunk,
  Table,
} from '../../broker/journal/journal.ts'
import { checkSession } from '../../broker/journal/keys.ts'
import { encodeOperation, grows } from '../../broker/journal/operations.ts'
import { collect } from '../../broker/journal/range.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { PageWriter } from '../../protocol/messages/page-writer.ts'

export interface MemoryJournalOptions {
  /** `microtask`: writes become durable by themselves; `manual`: when the test calls `commit`. */
  readonly durability: 'microtask' | 'manual'
}

interface Pending {
  readonly operations: readonly JournalOperation[]
  readonly grows: boolean
  readonly durable: Durable
}

/** What a crash leaves. */
class Durables {
  readonly chunks = new Map<string, Map<number, StoredChunk>>()
  readonly tables = new Map<string, Buffer>()
  readonly damaged = new Set<StoredChunk>()
}

const packr = new Packr({ useRecords: false, variableMapSize: true })
const cellOf = (table: Table, key: string): string => `${table}\0${key}`

export class MemoryJournal implements Journal {
  /** While true, writes that need room fail with STORAGE_FULL. */
  isFull = false
  /** While true, every write fails with STORAGE_FAILED. */
  refusesAll = false
  readonly #options: MemoryJournalOptions
  readonly #durables: Durables
  #pending: Pending[] = []
  #isCommitQueued = false
  #state: 'open' | 'closed' | 'crashed' = 'open'
  #commits = 0
  #operations = 0
  #corrupt = 0

  constructor(options: MemoryJournalOptions, durables = new Durables()) {
    this.#options = options
    this.#durables = durables
  }

  write(operations: readonly JournalOperation[], durable: Durable): void {
    this.#checkOpen()
    // Encoded for its checks alone.
    const needsRoom = operations.map(encodeOperation).some(grows)
    this.#pending.push({ operations: operations.map(copy), grows: needsRoom, durable })
    if (this.#options.durability === 'microtask') this.#queueCommit()
  }

  #queueCommit(): void {
    if (this.#isCommitQueued) return
    this.#isCommitQueued = true
    queueMicrotask(() => {
      this.#isCommitQueued = false
      this.commit()
    })
  }

  /** Makes durable what was written so far, as one commit, and runs the callbacks. */
  commit(): void {
    if (this.#state !== 'open') return
    const group = this.#pending
    this.#pending = []
    if (this.refusesAll) {
      const failed = new ProtocolError('STORAGE_FAILED', { reason: 'the test said so' })
      for (const write of group) write.durable(failed)
      return
    }
    const isRefused = this.isFull && group.some((write) => write.grows)
    const stored = isRefused ? group.filter((write) => !write.grows) : group
    for (const write of stored) for (const operation of write.operations) this.#apply(operation)
    this.#commits += 1
    const full = new ProtocolError('STORAGE_FULL', { reason: 'the test said so' })
    for (const write of group) write.durable(stored.includes(write) ? undefined : full)
  }

  /** `kill -9` and a new start: forgets what is not durable; its callbacks never run. */
  crash(): MemoryJournal {
    this.#state = 'crashed'
    this.#pending = []
    return new MemoryJournal(this.#options, this.#durables)
  }

  /** The chunk is from now on one that fails its checksum. */
  damage(session: string, sequence: number): void {
    const chunk = this.#durables.chunks.get(session)?.get(sequence)
    if (chunk) this.#durables.damaged.add(chunk)
  }

  #apply(operation: JournalOperation): void {
    const { chunks, tables } = this.#durables
    this.#operations += 1
    switch (operation.op) {
      case 'append': {
        const stream = chunks.get(operation.session) ?? new Map<number, StoredChunk>()
        chunks.set(operation.session, stream.set(operation.chunk.sequence, operation.chunk))
        return
      }
      case 'put':
        tables.set(cellOf(operation.table, operation.key), packr.pack(operation.value))
        return
      case 'delete':
        tables.delete(cellOf(operation.table, operation.key))
        return
      case 'drop':
        chunks.delete(operation.session)
        return
      case 'trim':
        this.#trim(operation.session, operation.before)
    }
  }

  #trim(session: string, before: number): void {
    const stream = this.#durables.chunks.get(session)
    const last = this.#sequences(session).at(-1) ?? 0
    for (const sequence of this.#sequences(session)) {
      if (sequence < before && sequence < last) stream?.delete(sequence)
    }
  }

  #sequences(session: string): number[] {
    const stream = this.#durables.chunks.get(session) ?? new Map<number, StoredChunk>()
    return [...stream.keys()].sort((a, b) => a - b)
  }

  #intact(session: string, sequence: number): StoredChunk | undefined {
    const chunk = this.#durables.chunks.get(session)?.get(sequence)
    return chunk && !this.#durables.damaged.has(chunk) ? chunk : undefined
  }

  head(session: string): { readonly sequence: number; readonly producerSequence: number } {
    this.#checkOpen()
    checkSession(session)
    const sequences = this.#sequences(session)
    const intact = sequences.findLast((sequence) => this.#intact(session, sequence))
    const chunk = intact === undefined ? undefined : this.#intact(session, intact)
    return {
      sequence: sequences.at(-1) ?? 0,
      producerSequence: chunk?.producerSequence ?? 0,
    }
  }

  read(session: string, range: ReadRange): ReadResult {
    this.#checkOpen()
    checkSession(session)
    const sequences = this.#sequences(session)
    const source = {
      head: sequences.at(-1) ?? 0,
      first: () => sequences[0] ?? 1,
      records: (from: number, to: number) => this.#records(session, sequences, from, to),
    }
    return collect(source, range)
  }

  readPage(session: string, range: ReadRange): PageResult {
    const { chunks, ...rest } = this.read(session, range)
    const page = new PageWriter()
    for (const { body, ...chunk } of chunks) {
      page.add({ ...chunk, bytes: body, from: 0, to: body.length })
    }
    return { page: page.finish(), ...rest }
  }

  *#records(session: string, sequences: readonly number[], from: number, to: number) {
    for (const sequence of sequences) {
      if (sequence < from || sequence > to) continue
      const chunk = this.#intact(session, sequence)
      if (!chunk) this.#corrupt += 1
      yield { sequence, chunk: chunk && { ...chunk, body: Buffer.from(chunk.body) } }
    }
  }

  get(table: Table, key: string): unknown {
    this.#checkOpen()
    const bytes = this.#durables.tables.get(cellOf(table, key))
    return bytes && packr.unpack(bytes)
  }

  *entries(table: Table): Generator<{ readonly key: string; readonly value: unknown }> {
    this.#checkOpen()
    const prefix = cellOf(table, '')
    const cells = [...this.#durables.tables].filter(([cell]) => cell.startsWith(prefix))
    const keys = cells.map(([cell]) => cell.slice(prefix.length))
    keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    for (const key of keys) yield { key, value: this.get(table, key) }
  }

  /** Small records in memory are never damaged. */
  damaged(): readonly string[] {
    return []
  }

  stats(): JournalStats {
    this.#checkOpen()
    const bodies = [...this.#durables.chunks.values()].flatMap((stream) => [...stream.values()])
    return {
      bytes: bodies.reduce((sum, chunk) => sum + chunk.body.length, 0),
      commits: this.#commits,
      operations: this.#operations,
      corrupt: this.#corrupt,
      lastCommitMs: 0,
    }
  }

  close(): Promise<void> {
    this.commit()
    if (this.#state === 'open') this.#state = 'closed'
    return Promise.resolve()
  }

  #checkOpen(): void {
    if (this.#state === 'open') return
    throw new ProtocolError('STORAGE_FAILED', { reason: `it is ${this.#state}` })
  }
}

/** The caller may change what it gave as soon as `write` returns. */
function copy(operation: JournalOperation): JournalOperation {
  if (operation.op === 'put') {
    const value: unknown = packr.unpack(packr.pack(operation.value))
    return { ...operation, value }
  }
  if (operation.op !== 'append') return operation
  const { session, chunk } = operation
  return { op: 'append', session, chunk: { ...chunk, body: Buffer.from(chunk.body) } }
}
