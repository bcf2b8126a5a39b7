/**
 * The XPUB socket of one side. SUBSCRIBE is handled here: a subscription is a ticket, which is mapped to the
 * topic of a stream for the pipe that sent it, so that nobody can subscribe by guessing.
 */
import { setImmediate as others } from 'node:timers/promises'
import * as zmq from 'zeromq'
import type { Bundle } from '../protocol/bundle.ts'
import { serveCurve, whenFree } from './curve.ts'
import { bindApart, stopListening } from './io-threads.ts'
import type { SubscriptionOutcome } from './metrics/outcomes.ts'
import { HANDSHAKE_MS, type Side, TCP_KEEPALIVE } from './router-socket.ts'
import { Turn } from './turn.ts'
import { unnamedOptions } from './unnamed-options.ts'

const ZMQ_SUBSCRIBE = 6
const ZMQ_UNSUBSCRIBE = 7

export const STREAMS_LIMITS = {
  /** Bundles that libzmq may hold for one reader; beyond it they are dropped and the reader reads back. */
  sendHighWaterMark: 256,
  /** Largest subscription that is looked at, bytes. */
  maxTicketBytes: 64,
  /** Largest message that comes in, bytes: the handshake of CURVE. libzmq ends the connection of a larger one. */
  maxMessageBytes: 512,
  /**
   * Subscriptions that wait to be read: libzmq reads all that are there at once, and with room for more of
   * them a flood would keep it at that, and the event loop with it.
   */
  receiveHighWaterMark: 1,
  /** What libzmq keeps for each byte of a subscription, known or not, until it ends: a node of a tree. */
  bytesPerByte: 48,
  /** Bundles that wait while everybody else has a turn; with more of them nobody has, until they are sent. */
  maxHeldBack: 4096,
  /** Subscriptions at once. */
  maxSubscriptions: 100_000,
  /** Bytes of that kind that all subscribers may have it keep. */
  maxKeptBytes: { local: 1024 * 1024 * 1024, network: 128 * 1024 * 1024 },
} as const

export interface StreamsPort {
  /** The topic for this ticket; undefined = ignore it. */
  redeem(ticket: string): string | undefined
  /** The pipe is subscribed to the topic of this ticket. */
  subscribed(ticket: string): void
  /** Nobody is subscribed by this ticket any more. */
  release(ticket: string): void
  /** What came of a subscription, or of the end of one. */
  counted(outcome: SubscriptionOutcome): void
  /** More is kept than there may be, and nothing but the end of this socket frees it. */
  flooded(): void
  failed(error: unknown): void
}

export class StreamsSocket {
  readonly #port: StreamsPort
  readonly #side: Side
  readonly #socket: zmq.XPublisher
  readonly #turn = new Turn()
  readonly #sending = new Turn()
  /** Topics of the tickets that were redeemed here. */
  readonly #topics = new Map<string, string>()
  /** What libzmq keeps of subscriptions, bytes, about. */
  #keptBytes = 0
  #queue: [string, Buffer, Buffer][] = []
  #heldBack = 0
  #isWriting = false
  #isAmbiguous = false
  #loop: Promise<void> | undefined

  constructor(port: StreamsPort, side: Side = 'local') {
    this.#port = port
    this.#side = side
    this.#socket = new zmq.XPublisher({
      linger: 0,
      sendHighWaterMark: STREAMS_LIMITS.sendHighWaterMark,
      receiveHighWaterMark: STREAMS_LIMITS.receiveHighWaterMark,
      maxMessageSize: STREAMS_LIMITS.maxMessageBytes,
      handshakeInterval: HANDSHAKE_MS[side],
      backlog: 1024,
      ...TCP_KEEPALIVE,
    })
    this.#socket.manual = true
  }

  /** Feature test: without it no ticket can be redeemed, and readers read the journal instead. */
  get hasManualSubscriptions(): boolean {
    return 'setStringOption' in this.#socket
  }

  /** With a secret key the endpoint is one of CURVE. */
  async bind(endpoint: string, secretKey?: string): Promise<string> {
    if (secretKey !== undefined) serveCurve(this.#socket, secretKey)
    bindApart(this.#socket, endpoint, this.#side)
    this.#loop ??= this.#receive()
    return this.#socket.lastEndpoint ?? endpoint
  }

  /** Takes no new connections, and ends those that there are. */
  unbind(endpoint: string): void {
    stopListening(this.#socket, endpoint)
  }

  /** To an endpoint that was given up a moment ago, by this socket or the one before it. */
  async succeed(endpoint: string, secretKey: string): Promise<void> {
    await whenFree(async () => void (await this.bind(endpoint, secretKey)))
  }

  async #receive(): Promise<void> {
    try {
      for await (const frames of this.#socket) {
        const since = performance.now()
        // libzmq applies the option to the pipe of the message read last, so: before the next read.
        this.#take(frames)
        if (this.#turn.isOver(frames.length, performance.now() - since)) await others()
      }
    } catch (error) {
      if (!this.#socket.closed) this.#port.failed(error)
    }
  }

  /**
   * The frame of a subscription whose pipe is known. libzmq takes the next pipe off its list for every message,
   * but puts none on it for one that is no subscription: after such a message it would give one peer the stream
   * of another, until it has nothing left to read. What comes until then is ignored; its readers ask again.
   */
  #unambiguous(frames: readonly Buffer[]): Buffer | undefined {
    const [frame] = frames
    const isSubscription = frames.length === 1 && (frame?.[0] === 0 || frame?.[0] === 1)
    const isAmbiguous = this.#isAmbiguous || !isSubscription
    this.#isAmbiguous = isAmbiguous && this.#socket.readable
    return isAmbiguous ? undefined : frame
  }

  #take(frames: readonly Buffer[]): void {
    if (!this.hasManualSubscriptions) return
    const [received] = frames
    if (received?.[0] === 1) this.#keep(received.length)
    const frame = this.#unambiguous(frames)
    const isTicket = frame && frame.length > 1 && frame.length <= STREAMS_LIMITS.maxTicketBytes
    if (!isTicket) this.#port.counted('unknown')
    else if (frame[0] === 1) this.#subscribe(frame.toString('latin1', 1))
    else this.#unsubscribe(frame.toString('latin1', 1))
  }

  #keep(bytes: number): void {
    this.#keptBytes += bytes * STREAMS_LIMITS.bytesPerByte
    if (this.#keptBytes > STREAMS_LIMITS.maxKeptBytes[this.#side]) this.#port.flooded()
  }

  #subscribe(ticket: string): void {
    const hasRoom = this.#topics.size < STREAMS_LIMITS.maxSubscriptions
    const topic = hasRoom ? this.#port.redeem(ticket) : undefined
    this.#port.counted(topic === undefined ? 'unknown' : 'redeemed')
    if (topic === undefined) return
    this.#topics.set(ticket, topic)
    unnamedOptions(this.#socket).setStringOption(ZMQ_SUBSCRIBE, topic)
    this.#port.subscribed(ticket)
  }

  /** The ticket may be void already: its pipe is taken off the topic all the same. */
  #unsubscribe(ticket: string): void {
    const topic = this.#topics.get(ticket)
    this.#port.counted(topic === undefined ? 'unknown' : 'released')
    this.#port.release(ticket)
    if (topic === undefined) return
    this.#topics.delete(ticket)
    // Of others it is not known whether they ever began, so they count to the end of the socket.
    this.#keptBytes -= (ticket.length + 1) * STREAMS_LIMITS.bytesPerByte
    unnamedOptions(this.#socket).setStringOption(ZMQ_UNSUBSCRIBE, topic)
  }

  /** Whether anybody has subscribed here. */
  get hasReaders(): boolean {
    return this.#topics.size > 0 && !this.#socket.closed
  }

  /** Bundles that were published and are not sent yet. */
  get heldBack(): number {
    return this.#heldBack
  }

  publish(topic: string, { heads, bodies }: Bundle): void {
    this.#queue.push([topic, heads, bodies])
    this.#heldBack += 1
    if (this.#isWriting) return
    this.#isWriting = true
    this.#write().catch((error: unknown) => this.#port.failed(error))
  }

  /** XPUB never blocks: a slow reader's copy is dropped, so this queue drains as fast as others let it. */
  async #write(): Promise<void> {
    try {
      while (this.#queue.length > 0 && !this.#socket.closed) {
        const queue = this.#queue
        this.#queue = []
        for (const frames of queue) await this.#send(frames)
      }
    } finally {
      this.#isWriting = false
    }
  }

  /** One commit may have chunks of hundreds of streams, each of which takes some 30 µs to send. */
  async #send(frames: [string, Buffer, Buffer]): Promise<void> {
    if (this.#socket.closed) return
    const since = performance.now()
    await this.#socket.send(frames)
    this.#heldBack -= 1
    const isOver = this.#sending.isOver(frames.length, performance.now() - since)
    if (isOver && this.#heldBack < STREAMS_LIMITS.maxHeldBack) await others()
  }

  async close(): Promise<void> {
    this.#socket.close()
    await this.#loop
  }
}
