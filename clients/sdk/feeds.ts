/** The feeds of a client and the one XSUB socket under them. */
import { decodeBundle } from '../../protocol/bundle.ts'
import { decodeBody } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import type { WelcomeBody } from '../../protocol/messages/handshake.ts'
import type { Caller } from './caller.ts'
import { Feed, type FeedListener, type FeedPorts, type Ticket } from './feed.ts'
import { SDK_LIMITS } from './limits.ts'
import { ProgressReports } from './progress.ts'
import type { SubscriberPort, Transport } from './transport.ts'

export interface FeedsOptions {
  readonly caller: Pick<Caller, 'call'>
  readonly transport: Pick<Transport, 'subscriber'>
  readonly now: () => number
  /** Gives [0, 1). */
  readonly random: () => number
}

interface Socket {
  readonly endpoint: string
  readonly port: SubscriberPort
}

export class Feeds {
  readonly #options: FeedsOptions
  readonly #ports: FeedPorts
  readonly #bySession = new Map<string, Feed>()
  readonly #byTopic = new Map<string, Feed>()
  readonly #progress: ProgressReports
  #endpoint = ''
  #socket: Socket | undefined
  #ended: ProtocolError | undefined

  constructor(options: FeedsOptions) {
    this.#options = options
    this.#ports = this.#feedPorts()
    this.#progress = new ProgressReports(options.caller)
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
  welcomed(welcome: WelcomeBody): void {
    this.#endpoint = welcome.streams
    if (this.#socket && this.#socket.endpoint !== welcome.streams) {
      this.#socket.port.close()
      this.#socket = undefined
    }
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
    this.#byTopic.clear()
    this.#socket?.port.close()
    this.#socket = undefined
  }

  #leave(feed: Feed, listener: FeedListener): void {
    feed.leave(listener)
    if (feed.isUnused && this.#bySession.get(feed.session) === feed) {
      this.#bySession.delete(feed.session)
    }
  }

  #feedPorts(): FeedPorts {
    const { caller, now, random } = this.#options
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
      subscribe: (ticket, feed) => this.#subscribe(ticket, feed),
      unsubscribe: (ticket) => this.#unsubscribe(ticket),
      now,
      random,
    }
  }

  #subscribe(ticket: Ticket, feed: Feed): void {
    this.#socket ??= {
      endpoint: this.#endpoint,
      port: this.#options.transport.subscriber(
        this.#endpoint,
        (topic, frames) => this.#receive(topic, frames),
        () => this.#broken(),
      ),
    }
    this.#byTopic.set(ticket.topic, feed)
    this.#socket.port.subscribe(ticket.ticket)
  }

  #unsubscribe(ticket: Ticket): void {
    this.#byTopic.delete(ticket.topic)
    this.#socket?.port.unsubscribe(ticket.ticket)
  }

  #broken(): void {
    for (const feed of this.#bySession.values()) feed.broken()
  }

  /** What cannot be read is left out: readers see a hole and fetch it from the journal. */
  #receive(topic: string, frames: readonly Uint8Array[]): void {
    const feed = this.#byTopic.get(topic)
    if (!feed) return
    for (const entry of readable(frames)) {
      if (!entry.ok) continue
      const { head, body } = entry.message
      if (head.kind === 'CHUNK') {
        const { sequence: seq, time, turn, type: code } = head
        feed.chunk({ seq, time, turn, code, body })
      } else if (head.kind === 'HEAD') feed.head(head.sequence)
      else if (head.kind === 'ERROR') feed.fail(readError(body))
    }
  }
}

function readError(body: Uint8Array): ProtocolError {
  try {
    return ProtocolError.fromWire(decodeBody(ErrorBody, body))
  } catch (thrown) {
    return ProtocolError.from(thrown, 'broker')
  }
}

function readable(frames: readonly Uint8Array[]): ReturnType<typeof decodeBundle> {
  try {
    return decodeBundle(frames)
  } catch {
    return []
  }
}
