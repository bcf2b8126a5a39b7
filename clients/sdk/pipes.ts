/**
 * The XSUB sockets of a client. One is enough until two users follow the same session: two tickets for one topic
 * on one pipe would be one subscription in the broker, and giving up one would end both. Then there is another.
 */
import { decodeBundle } from '../../protocol/bundle.ts'
import { decodeBody } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import type { Feed, Ticket } from './feed.ts'
import { SDK_LIMITS } from './limits.ts'
import type { SubscriberPort, Transport } from './transport.ts'

type Subscribed = Pick<Feed, 'chunk' | 'head' | 'fail' | 'broken'>

interface Pipe {
  readonly port: SubscriberPort
  readonly feeds: Map<string, Subscribed>
}

export class Pipes {
  readonly #open: Transport['subscriber']
  readonly #byTicket = new Map<string, Pipe>()
  #pipes: Pipe[] = []
  #endpoint = ''

  constructor(transport: Pick<Transport, 'subscriber'>) {
    this.#open = (...subscriber) => transport.subscriber(...subscriber)
  }

  /** Sockets that are open. */
  get size(): number {
    return this.#pipes.length
  }

  /** Where the broker publishes, as it said last. */
  at(endpoint: string): void {
    if (this.#endpoint !== endpoint) this.close()
    this.#endpoint = endpoint
  }

  /** Where there is no room for another socket nothing comes, and the feed polls the journal. */
  subscribe({ ticket, topic }: Ticket, feed: Subscribed): void {
    const pipe = this.#pipes.find(({ feeds }) => !feeds.has(topic)) ?? this.#another()
    if (!pipe) return
    pipe.feeds.set(topic, feed)
    this.#byTicket.set(ticket, pipe)
    pipe.port.subscribe(ticket)
  }

  unsubscribe({ ticket, topic }: Ticket): void {
    const pipe = this.#byTicket.get(ticket)
    if (!pipe) return
    this.#byTicket.delete(ticket)
    pipe.feeds.delete(topic)
    pipe.port.unsubscribe(ticket)
    if (pipe.feeds.size === 0 && pipe !== this.#pipes[0]) this.#close(pipe)
  }

  close(): void {
    for (const pipe of this.#pipes) pipe.port.close()
    this.#pipes = []
    this.#byTicket.clear()
  }

  #another(): Pipe | undefined {
    if (this.#pipes.length >= SDK_LIMITS.maxPipes) return undefined
    const feeds = new Map<string, Subscribed>()
    const port = this.#open(
      this.#endpoint,
      (topic, frames) => receive(feeds.get(topic), frames),
      () => {
        for (const feed of [...feeds.values()]) feed.broken()
      },
    )
    const pipe = { port, feeds }
    this.#pipes.push(pipe)
    return pipe
  }

  #close(pipe: Pipe): void {
    this.#pipes = this.#pipes.filter((one) => one !== pipe)
    pipe.port.close()
  }
}

/** What cannot be read is left out: readers see a hole and fetch it from the journal. */
function receive(feed: Subscribed | undefined, frames: readonly Uint8Array[]): void {
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
