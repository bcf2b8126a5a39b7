/**
 * The audit log: takes what has happened, and sees to it that there is a record of it on disk, written with
 * the end of the call where that is written. What finds no room waits here, bounded, and is written when
 * there is room. Numbers and hashes are given in chain.ts; what a call is about is in asked.ts.
 */
import type { Clock } from '../clock.ts'
import type { Operation } from '../events.ts'
import {
  type Asked,
  type AuditOperation,
  type Ended,
  type Entry,
  entryOf,
  entryOfNote,
  type Note,
} from './entry.ts'
import { Refusals } from './refusals.ts'

/** Records that wait for room, at most: about 5 MB. */
export const MAX_HELD = 10_000
/** Of these are written at a time. */
const RETRY_COUNT = 500
/** Between two tries, ms. */
const RETRY_MS = 1000

type Settled = (error: Error | undefined) => void

/** What else is written with a record; asked for anew at each try. */
type Also = () => readonly Operation[]

interface Held {
  readonly entry: Entry
  readonly also: Also
}

export interface AuditPorts {
  readonly clock: Clock
  readonly add: (operations: readonly Operation[], settled: Settled) => void
  /** Why the last write failed, if it did. */
  readonly failure: () => Error | undefined
}

const nothing: Also = () => []

export class Audit {
  readonly #ports: AuditPorts
  readonly #refusals = new Refusals()
  #held: Held[] = []
  #isRetrying = false
  #retryAt = 0
  #written = 0
  #lost = 0
  /** Of those lost, the ones that no record tells of. */
  #untold = 0

  constructor(ports: AuditPorts) {
    this.#ports = ports
  }

  /** Records written since the start. */
  get written(): number {
    return this.#written
  }

  /** Refusals since the start that are told by a count. */
  get counted(): number {
    return this.#refusals.counted
  }

  /** Records that wait for room. */
  get waiting(): number {
    return this.#held.length
  }

  /** Records since the start for which there was no room, here either. */
  get lost(): number {
    return this.#lost
  }

  /** Something happened that is no call: a key was approved, a principal cut off. */
  note(note: Note): void {
    this.#write(entryOfNote(note))
  }

  /**
   * The same for what a stranger can make happen as often as it likes: the first is recorded, and those like
   * it are counted for a while. `principal` is a proven one or empty: a name that is only claimed fills the table.
   */
  noteRefusal(note: Note): void {
    this.#refuse(entryOfNote({ executed: 'no', ...note }))
  }

  /** A call was refused before it was begun. */
  refused(
    asked: Asked,
    error: { readonly code: string; readonly executed: Entry['executed'] },
  ): void {
    this.#refuse(entryOf(asked, { state: 'failed', error }))
  }

  /** The end of a call of which something is in the journal; `also` is what is written with it. */
  ended(asked: Asked, ended: Ended, also: Also, settled: () => void): void {
    const entry = entryOf(asked, ended)
    const operations = also()
    if (this.#ports.failure() && operations.every(({ op }) => op === 'delete')) {
      // This frees room, so it succeeds on a full disk, and with a record it would not.
      this.#hold({ entry, also: nothing })
      this.#ports.add(operations, settled)
    } else this.#add(entry, operations, also, settled)
  }

  /** The end of a call of which nothing is in the journal. */
  endedUnwritten(asked: Asked, ended: Ended, settled: () => void): void {
    const entry = entryOf(asked, ended)
    if (ended.state === 'failed' && ended.error.executed === 'no') {
      this.#refuse(entry)
      settled()
    } else if (this.#ports.failure()) {
      // The removal of a session makes room on a full disk; to fail here would take others with it.
      this.#hold({ entry, also: nothing })
      settled()
    } else this.#add(entry, [], nothing, settled)
  }

  /** What was counted is recorded now: the broker is about to end. */
  flush(): void {
    for (const entry of this.#refusals.all()) this.#write(entry)
  }

  tick(): void {
    for (const entry of this.#refusals.due(this.#ports.clock.now())) this.#write(entry)
    this.#retryIfDue()
  }

  /** A write has been settled: if it went well, there may be room again. */
  settled(): void {
    if (this.#ports.failure() === undefined) this.#retryIfDue()
  }

  #retryIfDue(): void {
    const now = this.#ports.clock.now()
    if (this.#held.length > 0 && !this.#isRetrying && now >= this.#retryAt) this.#retry(now)
  }

  #refuse(entry: Entry): void {
    const { clock } = this.#ports
    const at = { now: clock.now(), wall: clock.wall() }
    if (this.#refusals.isFirst(entry, at)) this.#write(entry)
  }

  /** Nobody waits for it. While nothing can be written it does not try, to fail nobody else's write. */
  #write(entry: Entry): void {
    if (this.#ports.failure()) this.#hold({ entry, also: nothing })
    else this.#add(entry, [], nothing, () => {})
  }

  #add(entry: Entry, operations: readonly Operation[], also: Also, settled: () => void): void {
    this.#ports.add([...operations, audit(entry)], (error) => {
      if (error) this.#hold({ entry, also })
      else this.#written += 1
      settled()
    })
  }

  #hold(held: Held): void {
    if (this.#held.length < MAX_HELD) this.#held.push(held)
    else {
      this.#lost += 1
      this.#untold += 1
    }
  }

  #retry(now: number): void {
    this.#retryAt = now + RETRY_MS
    this.#isRetrying = true
    const page = this.#held.slice(0, RETRY_COUNT)
    const operations = page.flatMap(({ entry, also }) => [...also(), audit(entry)])
    const untold = this.#untold
    const told = untold > 0 ? [audit(lostEntry(untold))] : []
    this.#ports.add([...operations, ...told], (error) => {
      this.#isRetrying = false
      if (error) return
      this.#held = this.#held.slice(page.length)
      this.#untold -= untold
      this.#written += page.length + told.length
      if (this.#held.length > 0) this.#retryAt = 0
    })
  }
}

function audit(entry: Entry): AuditOperation {
  return { op: 'audit', entry }
}

function lostEntry(count: number): Entry {
  return { ...entryOfNote({ event: 'audit.lost' }), count }
}
