/** One follower in a client process: writes down what it is shown, and tells who waits for a turn. */
import { openSync } from 'node:fs'
import { type Client, ProtocolError } from '../../clients/sdk/index.ts'
import { type Archive, appendLine, readLines } from './archive.ts'
import type { ClientOptions } from './client-options.ts'
import type { FollowLine } from './history.ts'

/** Turns that a follower remembers to have ended. */
const REMEMBERED = 64

interface Wait {
  readonly isOver: () => boolean
  readonly resolve: () => void
}

export class ClientFollower {
  readonly session: string
  readonly #file: number
  readonly #ended = new Set<number>()
  readonly #waits = new Set<Wait>()
  #seen: number
  #goal = Number.POSITIVE_INFINITY
  #stop = new AbortController()
  readonly finished: Promise<void>

  constructor(client: Client, archive: Archive, session: string, options: ClientOptions) {
    const { name, life } = options
    this.session = session
    const from = firstWanted(archive, session, options)
    this.#seen = from - 1
    this.#file = openSync(archive.follower(session, name, life), 'a')
    appendLine(this.#file, { type: 'from', from })
    this.finished = this.#read(client, from)
  }

  /** Resolves when this turn has ended in the stream, or the time is over. */
  turnEnded(turn: number, signal: AbortSignal): Promise<void> {
    return this.#until(() => this.#ended.has(turn) || signal.aborted, signal)
  }

  /** Resolves when everything up to `head` was shown. */
  reached(head: number): Promise<void> {
    return this.#until(() => this.#seen >= head)
  }

  /** Looks at what is waited for with each chunk, and when the signal is aborted. */
  #until(isOver: () => boolean, signal?: AbortSignal): Promise<void> {
    if (isOver()) return Promise.resolve()
    return new Promise((resolve) => {
      const wait = { isOver, resolve }
      this.#waits.add(wait)
      signal?.addEventListener('abort', () => this.#look(), { once: true })
    })
  }

  #look(): void {
    for (const wait of this.#waits) {
      if (!wait.isOver()) continue
      this.#waits.delete(wait)
      wait.resolve()
    }
  }

  /** Ends once everything up to `head` was shown. */
  finishAt(head: number): void {
    this.#goal = head
    if (this.#seen >= head) this.#stop.abort()
  }

  async #read(client: Client, from: number): Promise<void> {
    try {
      for await (const item of client.follow(this.session, { from, signal: this.#stop.signal })) {
        appendLine(this.#file, { type: 'item', item })
        this.#seen = item.type === 'gap' ? item.to : item.seq
        if (item.type === 'turn_complete') this.#turnComplete(item.turn_number)
        this.#look()
        if (this.#seen >= this.#goal) break
      }
    } catch (thrown) {
      const { code } = ProtocolError.from(thrown, 'client')
      if (!this.#stop.signal.aborted) appendLine(this.#file, { type: 'failed', code })
    }
    if (this.#seen >= this.#goal) appendLine(this.#file, { type: 'finished' })
  }

  #turnComplete(turn: number): void {
    this.#ended.add(turn)
    for (const old of this.#ended) if (this.#ended.size > REMEMBERED) this.#ended.delete(old)
  }
}

/** A new life goes on where the last one was, or looks back a little. */
function firstWanted(archive: Archive, session: string, { name, life }: ClientOptions): number {
  if (life === 1) return 1
  const seen = lastSeen(readLines<FollowLine>(archive.follower(session, name, life - 1)))
  return life % 2 === 0 ? seen + 1 : Math.max(1, seen - 500)
}

/** Where a life came to. The last line may be that it failed. */
function lastSeen(lines: readonly FollowLine[]): number {
  for (const line of lines.toReversed()) {
    if (line.type === 'item' && 'seq' in line.item) return line.item.seq
    if (line.type === 'from') return line.from - 1
  }
  return 0
}
