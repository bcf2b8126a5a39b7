/**
 * The journal of a simulated broker: in memory, durable at a random later time, full for a while when the
 * world says so. Keeps the ledger of what became durable: the truth that everybody else is held to.
 */
import type {
  Durable,
  Journal,
  JournalOperation,
  ReadRange,
  StoredChunk,
  Table,
} from '../../broker/journal/journal.ts'
import { MemoryJournal } from '../support/memory-journal.ts'
import type { Scheduler } from './scheduler.ts'
import type { Violations } from './violations.ts'

/** A value that a key of the state has had. */
export interface StateWrite {
  readonly key: string
  readonly version: number
  readonly json: string
}

/** Every chunk that was ever durable, by session, and every value of the state. */
export class Ledger {
  readonly streams = new Map<string, StoredChunk[]>()
  readonly stateWrites: StateWrite[] = []
  /** First sequence that was not trimmed. */
  readonly #floors = new Map<string, number>()
  readonly #violations: Violations

  constructor(violations: Violations) {
    this.#violations = violations
  }

  of(session: string): readonly StoredChunk[] {
    return this.streams.get(session) ?? []
  }

  /** First sequence of a session that the journal still has. */
  floorOf(session: string): number {
    return this.#floors.get(session) ?? 1
  }

  note(operations: readonly JournalOperation[]): void {
    for (const operation of operations) {
      if (operation.op === 'append') this.#append(operation.session, operation.chunk)
      else if (operation.op === 'trim') this.#trim(operation.session, operation.before)
      else if (operation.op === 'put' && operation.table === 'state') {
        this.stateWrites.push({ ...(operation.value as StateWrite), key: operation.key })
      }
    }
  }

  #trim(session: string, before: number): void {
    const floor = Math.min(before, this.of(session).length)
    this.#floors.set(session, Math.max(floor, this.floorOf(session)))
  }

  #append(session: string, chunk: StoredChunk): void {
    const stream = this.streams.get(session) ?? []
    this.streams.set(session, stream)
    if (chunk.sequence !== stream.length + 1) {
      this.#violations.add(
        `journal: sequence ${chunk.sequence} of ${session} follows ${stream.length}`,
      )
    }
    const before = stream.at(-1)?.producerSequence ?? 0
    const step = chunk.producerSequence - before
    if (step > 1 || (step < 0 && chunk.producerSequence > 1)) {
      this.#violations.add(
        `journal: producer sequence ${chunk.producerSequence} of ${session} follows ${before}`,
      )
    }
    stream.push({ ...chunk, body: Buffer.from(chunk.body) })
  }
}

export class SimJournal implements Journal {
  readonly ledger: Ledger
  #memory: MemoryJournal
  readonly #scheduler: Scheduler
  /** Longest time that a commit takes, ms. */
  slowestMs = 8

  constructor(scheduler: Scheduler, ledger: Ledger) {
    this.#scheduler = scheduler
    this.ledger = ledger
    this.#memory = new MemoryJournal({ durability: 'manual' })
  }

  set isFull(isFull: boolean) {
    this.#memory.isFull = isFull
  }

  /** What was not durable is forgotten, and nobody is told. */
  crash(): void {
    const { isFull } = this.#memory
    this.#memory = this.#memory.crash()
    this.#memory.isFull = isFull
  }

  write(operations: readonly JournalOperation[], durable: Durable): void {
    const memory = this.#memory
    memory.write(operations, (error) => {
      if (!error) this.ledger.note(operations)
      durable(error)
    })
    this.#scheduler.after(this.#scheduler.between(0.2, this.slowestMs), () => {
      if (memory === this.#memory) memory.commit()
    })
  }

  head(session: string) {
    return this.#memory.head(session)
  }

  read(session: string, range: ReadRange) {
    return this.#memory.read(session, range)
  }

  readPage(session: string, range: ReadRange) {
    return this.#memory.readPage(session, range)
  }

  get(table: Table, key: string) {
    return this.#memory.get(table, key)
  }

  entries(table: Table) {
    return this.#memory.entries(table)
  }

  damaged() {
    return this.#memory.damaged()
  }

  stats() {
    return this.#memory.stats()
  }

  close() {
    return this.#memory.close()
  }
}
