/**
 * agent.logs: entries of the stream of a session, and how many there are. What was counted once is remembered, so
 * that a caller who asks again and again makes the broker read what is asked for and what is new, not the stream.
 */
import type { Actor } from '../../sdk/index.ts'
import { OneAtATime } from '../agents/one-at-a-time.ts'
import { LogEntries, type LogEntry } from './log-entries.ts'
import { LogIndex, type Mark } from './log-index.ts'

export interface LogWindow {
  readonly limit: number | null
  readonly offset: number | null
}

/** Entries of one answer; a caller who wants more asks for the next ones. */
export const MAX_ENTRIES = 10_000
/** Characters of the messages of one answer; it ends with the entry that goes beyond. */
export const MAX_CHARS = 4_194_304
/** Sessions whose entries are remembered; the one that nobody asked for the longest is forgotten first. */
export const MAX_INDEXES = 64
/** Entries when nobody says how many. */
const DEFAULT_ENTRIES = 1000

interface Answer {
  readonly logs: readonly LogEntry[]
  readonly total: number
}

interface Stretch {
  readonly session: string
  readonly head: number
  readonly index: LogIndex
}

export class LogReader {
  readonly #client: Pick<Actor, 'call' | 'follow'>
  readonly #turns = new OneAtATime()
  readonly #indexes = new Map<string, LogIndex>()

  constructor(client: Pick<Actor, 'call' | 'follow'>) {
    this.#client = client
  }

  get remembered(): number {
    return this.#indexes.size
  }

  read(session: string, window: LogWindow): Promise<Answer> {
    return this.#turns.run(session, () => this.#read(session, window))
  }

  async #read(session: string, window: LogWindow): Promise<Answer> {
    const { first, head } = await this.#extent(session)
    const index = this.#indexOf(session, first, head)
    const page = new Page(window)
    const stretch = { session, head, index }
    const reached = await this.#walk(stretch, page.isFull ? index.end : page.from(index), page)
    if (reached.seq <= head) await this.#walk(stretch, index.end)
    let { total } = index.end
    for (const entry of new LogEntries(index.end.state).end()) {
      page.take(entry, total)
      total += 1
    }
    return { logs: page.logs, total }
  }

  /** Reads on from a mark until the page is full, or to the head. */
  async #walk({ session, head, index }: Stretch, from: Mark, page?: Page): Promise<Mark> {
    if (from.seq > head) return from
    const entries = new LogEntries(from.state)
    let mark = from
    for await (const item of this.#client.follow(session, { from: from.seq })) {
      let { total } = mark
      for (const entry of entries.add(item)) {
        page?.take(entry, total)
        total += 1
      }
      mark = { seq: ('seq' in item ? item.seq : item.to) + 1, total, state: entries.state }
      index.reach(mark)
      if (mark.seq > head || page?.isFull) break
    }
    return mark
  }

  /** A stream of which the beginning went, or that is shorter than it was, is counted anew. */
  #indexOf(session: string, first: number, head: number): LogIndex {
    const known = this.#indexes.get(session)
    this.#indexes.delete(session)
    const isTrue = known?.first === first && known.end.seq <= head + 1
    const index = isTrue ? known : new LogIndex(first)
    this.#indexes.set(session, index)
    for (const oldest of this.#indexes.keys()) {
      if (this.#indexes.size <= MAX_INDEXES) break
      this.#indexes.delete(oldest)
    }
    return index
  }

  /** Sequence of the first chunk that is still there, and the highest. */
  async #extent(session: string): Promise<{ readonly first: number; readonly head: number }> {
    const one = { session, from: 1, max_count: 1 }
    const { chunks, gaps, head } = await this.#client.call('stream.read', one)
    return { first: chunks[0]?.[0] ?? (gaps.at(-1)?.to ?? 0) + 1, head }
  }
}

/** The entries that one caller asked for. */
class Page {
  readonly logs: LogEntry[] = []
  readonly #offset: number
  readonly #limit: number
  #chars = 0

  constructor({ limit, offset }: LogWindow) {
    this.#offset = offset ?? 0
    this.#limit = Math.min(limit ?? DEFAULT_ENTRIES, MAX_ENTRIES)
  }

  get isFull(): boolean {
    return this.logs.length >= this.#limit || this.#chars >= MAX_CHARS
  }

  from(index: LogIndex): Mark {
    return index.before(this.#offset)
  }

  /** `at`: its number. */
  take(entry: LogEntry, at: number): void {
    if (at < this.#offset || this.isFull) return
    this.logs.push(entry)
    this.#chars += entry.message.length
  }
}
