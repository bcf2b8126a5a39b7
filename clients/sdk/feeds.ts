/** The feeds of one actor of a client: one for each session that it follows. */
import type { ProtocolError } from '../../protocol/errors.ts'
import type { Caller } from './caller.ts'
import { Feed, type FeedListener, type FeedPorts } from './feed.ts'
import { SDK_LIMITS } from './limits.ts'
import type { Pipes } from './pipes.ts'
import { ProgressReports } from './progress.ts'

export interface FeedsOptions {
  /** Calls as this actor. */
  readonly caller: Pick<Caller, 'call'>
  readonly pipes: Pick<Pipes, 'subscribe' | 'unsubscribe'>
  readonly now: () => number
  /** Gives [0, 1). */
  readonly random: () => number
}

export class Feeds {
  readonly #options: FeedsOptions
  readonly #ports: FeedPorts
  readonly #bySession = new Map<string, Feed>()
  readonly #progress: ProgressReports
  #ended: ProtocolError | undefined

  constructor(options: FeedsOptions) {
    this.#options = options
    this.#ports = this.#feedPorts()
    this.#progress = new ProgressReports(options.caller)
  }

  /** Nobody follows anything. */
  get isUnused(): boolean {
    return this.#bySession.size === 0
  }

  /** Lets the listener hear a session's stream, until the returned function is called. */
  join(session: string, listener: FeedListener): () => void {
    if (this.#ended) {
      listener.failed(this.#ended)
      return () => undefined
    }
    const feed = this.#bySession.get(session) ?? new Feed(session, this.#ports)
    this.#bySession.set(session, feed)
    feed.join(listener)
    return () => this.#leave(feed, listener)
  }

  /** The link is welcome (again): tickets of before may be void. */
  reopen(): void {
    for (const feed of this.#bySession.values()) feed.reopen()
  }

  /** Whether what is published of this stream has arrived since it was joined. */
  isLive(session: string): boolean {
    return this.#bySession.get(session)?.isLive === true
  }

  /** The stream of this ticket is elsewhere now. */
  moved(ticket: string): void {
    for (const feed of this.#bySession.values()) if (feed.ticket === ticket) feed.reopen()
  }

  tick(now: number): void {
    for (const feed of this.#bySession.values()) feed.tick(now)
    this.#progress.tick(now, this.#bySession.values())
  }

  /** Ends all feeds, telling their readers why. */
  close(error: ProtocolError): void {
    this.#ended = error
    for (const feed of this.#bySession.values()) feed.fail(error)
    this.#bySession.clear()
  }

  #leave(feed: Feed, listener: FeedListener): void {
    feed.leave(listener)
    if (feed.isUnused && this.#bySession.get(feed.session) === feed) {
      this.#bySession.delete(feed.session)
    }
  }

  #feedPorts(): FeedPorts {
    const { caller, pipes, now, random } = this.#options
    return {
      open: (session, from, signal) => caller.call('stream.open', { session, from }, { signal }),
      release: (ticket) => {
        if (this.#ended) return
        const options = { deadlineMs: SDK_LIMITS.courtesyMs }
        caller.call('stream.close', { ticket }, options).catch(() => undefined)
      },
      pollHead: async (session, after, signal) => {
        const params = { session, from: after + 1, max_count: 1 }
        return (await caller.call('stream.read', params, { signal })).head
      },
      subscribe: (ticket, feed) => pipes.subscribe(ticket, feed),
      unsubscribe: (ticket) => pipes.unsubscribe(ticket),
      now,
      random,
    }
  }
}
