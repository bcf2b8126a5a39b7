/**
 * The XPUB socket. SUBSCRIBE is handled here: a subscription is a ticket, which is mapped to the topic of
 * a stream for the pipe that sent it, so that nobody can subscribe by guessing.
 */
import * as zmq from 'zeromq'
import { encodeBundle, type Message } from '../protocol/bundle.ts'
import { bindWhenFree, serveCurve } from './curve.ts'

// Options of libzmq that zeromq.js 6.8 sets but does not name (zmq.h).
const ZMQ_SUBSCRIBE = 6
const ZMQ_UNSUBSCRIBE = 7

export const STREAMS_LIMITS = {
  /** Bundles that libzmq may hold for one reader; beyond it they are dropped and the reader reads back. */
  sendHighWaterMark: 256,
  /** Largest subscription that is looked at, bytes. */
  maxTicketBytes: 64,
} as const

export interface StreamsPort {
  /** The topic for this ticket; undefined = ignore it. */
  redeem(ticket: string): string | undefined
  /** The pipe is subscribed to the topic of this ticket. */
  subscribed(ticket: string): void
  /** The topic to take the pipe off. */
  release(ticket: string): string | undefined
  failed(error: unknown): void
}

interface ManualSubscriptions {
  setStringOption(option: number, topic: string): void
}

export class StreamsSocket {
  readonly #port: StreamsPort
  #socket: zmq.XPublisher
  #queue: [string, Buffer, Buffer][] = []
  #isWriting = false
  #isAmbiguous = false
  #loop: Promise<void> = Promise.resolve()
  #state: 'closed' | 'open' = 'closed'
  readonly #bound: { readonly endpoint: string; readonly isCurve: boolean }[] = []

  constructor(port: StreamsPort) {
    this.#port = port
    this.#socket = open()
  }

  /** Feature test: without it no ticket can be redeemed, and readers read the journal instead. */
  get hasManualSubscriptions(): boolean {
    return 'setStringOption' in this.#socket
  }

  /**
   * With a secret key the endpoint is one of CURVE; those without come first. zeromq.js binds in another thread,
   * which may hang while messages come, so all of them come before `start`.
   */
  async bind(endpoint: string, secretKey?: string): Promise<string> {
    if (secretKey !== undefined) serveCurve(this.#socket, secretKey)
    await this.#socket.bind(endpoint)
    const bound = this.#socket.lastEndpoint ?? endpoint
    this.#bound.push({ endpoint: bound, isCurve: secretKey !== undefined })
    return bound
  }

  /** From here on readers are served. */
  start(): void {
    this.#loop = this.#receive(this.#socket)
    this.#state = 'open'
    this.#goOn()
  }

  /** Serves the same endpoints anew, those of CURVE under this key. Readers subscribe again by themselves. */
  async reopen(secretKey: string): Promise<void> {
    this.#state = 'closed'
    await this.#close()
    const bound = this.#bound.splice(0)
    this.#socket = open()
    for (const { endpoint, isCurve } of bound) {
      await bindWhenFree(() => this.bind(endpoint, isCurve ? secretKey : undefined))
    }
    this.start()
  }

  async #receive(socket: zmq.XPublisher): Promise<void> {
    try {
      for await (const frames of socket) {
        // libzmq applies the option to the pipe of the message read last, so: before the next read.
        const frame = this.#unambiguous(frames)
        if (frame && frame.length > 1 && frame.length <= STREAMS_LIMITS.maxTicketBytes) {
          this.#take(frame)
        }
      }
    } catch (error) {
      if (!socket.closed) this.#port.failed(error)
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

  #take(frame: Buffer): void {
    if (!this.hasManualSubscriptions) return
    const ticket = frame.toString('latin1', 1)
    if (frame[0] === 1) {
      const topic = this.#port.redeem(ticket)
      if (topic === undefined) return
      this.#manual().setStringOption(ZMQ_SUBSCRIBE, topic)
      this.#port.subscribed(ticket)
    } else if (frame[0] === 0) {
      const topic = this.#port.release(ticket)
      if (topic !== undefined) this.#manual().setStringOption(ZMQ_UNSUBSCRIBE, topic)
    }
  }

  #manual(): ManualSubscriptions {
    return this.#socket as unknown as ManualSubscriptions
  }

  publish(topic: string, messages: readonly Message[]): void {
    const { heads, bodies } = encodeBundle(messages)
    this.#queue.push([topic, heads, bodies])
    this.#goOn()
  }

  /** What is published while the socket is opened anew waits; its readers are not there yet either. */
  #goOn(): void {
    if (this.#isWriting || this.#state !== 'open') return
    this.#isWriting = true
    this.#write().catch((error: unknown) => this.#port.failed(error))
  }

  /** XPUB never blocks: a slow reader's copy is dropped, so this queue drains at once. */
  async #write(): Promise<void> {
    try {
      while (this.#queue.length > 0 && this.#state === 'open') {
        const queue = this.#queue
        this.#queue = []
        for (const frames of queue) await this.#socket.send(frames)
      }
    } finally {
      this.#isWriting = false
    }
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    await this.#close()
  }

  async #close(): Promise<void> {
    this.#socket.close()
    await this.#loop
  }
}

function open(): zmq.XPublisher {
  const socket = new zmq.XPublisher({
    linger: 0,
    sendHighWaterMark: STREAMS_LIMITS.sendHighWaterMark,
    maxMessageSize: 1024, // nothing but subscriptions comes in
    heartbeatInterval: 2000,
    heartbeatTimeout: 6000,
    handshakeInterval: 5000,
    backlog: 1024,
    tcpKeepalive: 1,
    tcpKeepaliveIdle: 30,
  })
  socket.manual = true
  return socket
}
