/** One follower in a client process: writes down what it is shown, and tells who waits for a turn. */
import { existsSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, ProtocolError } from '../../clients/sdk/index.ts'
import { type Archive, appendLine, readLines } from './archive.ts'
import type { ClientOptions } from './client-options.ts'
import type { FollowLine } from './history.ts'

/** Turns that a follower remembers to have ended. */
const REMEMBERED = 64

export class ClientFollower {
  readonly session: string
  readonly #file: number
  readonly #ended = new Set<number>()
  readonly #waiting = new Set<() => void>()
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
  async turnEnded(turn: number, signal: AbortSignal): Promise<void> {
    while (!this.#ended.has(turn) && !signal.aborted) await this.#news(signal)
  }

  /** Resolves with the next thing that happens to the process of the session. */
  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        this.#waiting.delete(look)
        signal.removeEventListener('abort', look)
        resolve()
      }
      this.#waiting.add(look)
      signal.addEventListener('abort', look)
    })
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
    for (const look of [...this.#waiting]) look()
  }
}

/** A new life goes on where the last one was, in some of its sessions; in others it looks back a little. */
function firstWanted(archive: Archive, session: string, { name, life }: ClientOptions): number {
  if (life === 1) return 1
  const seen = lastSeen(archive, session, name)
  return life % 2 === 0 ? seen + 1 : Math.max(1, seen - 500)
}

function lastSeen(archive: Archive, session: string, client: string): number {
  let seen = 0
  for (const name of readdirSync(archive.dir)) {
    if (!name.startsWith(`follow-${session}-${client}-`)) continue
    const path = join(archive.dir, name)
    const line = existsSync(path) ? readLines<FollowLine>(path).at(-1) : undefined
    if (line?.type === 'item' && 'seq' in line.item) seen = Math.max(seen, line.item.seq)
  }
  return seen
}
