/**
 * The XPUB socket. SUBSCRIBE is handled here: a subscription is a ticket, which is mapped to the topic of
 * a stream for the pipe that sent it, so that nobody can subscribe by guessing.
 */
import * as zmq from 'zeromq'
import { encodeBundle, type Message } from '../protocol/bundle.ts'
import { rebindCurve, serveCurve } from './curve.ts'

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
  readonly #socket: zmq.XPublisher
  #queue: [string, Buffer, Buffer][] = []
  #isWriting = false
  #loop: Promise<void> | undefined

  constructor(port: StreamsPort) {
    this.#port = port
    this.#socket = new zmq.XPublisher({
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
    this.#socket.manual = true
  }

  /** Feature test: without it no ticket can be redeemed, and readers read the journal instead. */
  get hasManualSubscriptions(): boolean {
    return 'setStringOption' in this.#socket
  }

  /** With a secret key the endpoint is one of CURVE; those without come first. */
  async bind(endpoint: string, secretKey?: string): Promise<string> {
    if (secretKey !== undefined) serveCurve(this.#socket, secretKey)
    await this.#socket.bind(endpoint)
    this.#loop ??= this.#receive()
    return this.#socket.lastEndpoint ?? endpoint
  }

  /** From now on connections to the endpoint are made under this key; those of before end, and are made again. */
  async rebind(endpoint: string, secretKey: string): Promise<void> {
    await rebindCurve(this.#socket, endpoint, secretKey)
  }

  async #receive(): Promise<void> {
    try {
      for await (const [frame] of this.#socket) {
        // libzmq applies the option to the pipe of the message read last, so: before the next read.
        if (frame && frame.length > 1 && frame.length <= STREAMS_LIMITS.maxTicketBytes) {
          this.#take(frame)
        }
      }
    } catch (error) {
      if (!this.#socket.closed) this.#port.failed(error)
    }
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
    if (this.#isWriting) return
    this.#isWriting = true
    this.#write().catch((error: unknown) => this.#port.failed(error))
  }

  /** XPUB never blocks: a slow reader's copy is dropped, so this queue drains at once. */
  async #write(): Promise<void> {
    try {
      while (this.#queue.length > 0 && !this.#socket.closed) {
        const queue = this.#queue
        this.#queue = []
        for (const frames of queue) await this.#socket.send(frames)
      }
    } finally {
      this.#isWriting = false
    }
  }

  async close(): Promise<void> {
    this.#socket.close()
    await this.#loop
  }
}
