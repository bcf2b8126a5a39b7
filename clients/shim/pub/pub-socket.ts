/** The XPUB socket of the old chat stream: one frame for a chunk, and every subscription told. */
import * as zmq from 'zeromq'
import { PUB_LIMITS } from './limits.ts'

export interface PubSocketPort {
  /** A subscription (first byte 1) or the end of one (0). */
  subscription(frame: Uint8Array): void
  failed(error: unknown): void
}

export class PubSocket {
  readonly #port: PubSocketPort
  readonly #socket = new zmq.XPublisher({
    linger: 0,
    sendHighWaterMark: PUB_LIMITS.sendHighWaterMark,
    sendTimeout: 0,
    noDrop: true, // a full subscriber is an error first, so that it can be waited for, or counted
    verbosity: 'allSubsUnsubs',
    maxMessageSize: PUB_LIMITS.maxPrefixBytes,
    heartbeatInterval: 5000,
    heartbeatTimeout: 15_000, // a subscriber that is gone without a word stops counting as one
    backlog: 256,
    tcpKeepalive: 1,
    tcpKeepaliveIdle: 30,
  })
  #loop: Promise<void> = Promise.resolve()
  // zeromq.js refuses a second send while one is under way.
  #sent: Promise<unknown> = Promise.resolve()

  constructor(port: PubSocketPort) {
    this.#port = port
  }

  /** Resolves with the address, in which a port `*` has become a number. Throws EADDRINUSE. */
  async bind(endpoint: string): Promise<string> {
    await this.#socket.bind(endpoint)
    this.#loop = this.#receive()
    return this.#socket.lastEndpoint ?? endpoint
  }

  /** False when a subscriber of it is full; then nobody got it. */
  trySend(frame: string): Promise<boolean> {
    return this.#inTurn(() => this.#trySend(frame))
  }

  /** Sends it to those who have room. */
  sendToSome(frame: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#setNoDrop(false)
      try {
        await this.#socket.send(frame)
      } finally {
        if (!this.#socket.closed) this.#setNoDrop(true)
      }
    })
  }

  async close(): Promise<void> {
    await this.#sent
    this.#socket.close()
    await this.#loop
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const sent = this.#sent.then(work)
    this.#sent = sent.catch(() => undefined)
    return sent
  }

  async #trySend(frame: string): Promise<boolean> {
    try {
      await this.#socket.send(frame)
      return true
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return false
      throw error
    }
  }

  /** zeromq.js warns that this comes too late for bound sockets; for this option it does not (zmq.h). */
  #setNoDrop(noDrop: boolean): void {
    const kept = Object.getOwnPropertyDescriptor(process, 'emitWarning')
    process.emitWarning = () => undefined
    try {
      this.#socket.noDrop = noDrop
    } finally {
      if (kept) Object.defineProperty(process, 'emitWarning', kept)
    }
  }

  async #receive(): Promise<void> {
    try {
      for await (const [frame] of this.#socket) if (frame) this.#port.subscription(frame)
    } catch (error) {
      if (!this.#socket.closed) this.#port.failed(error)
    }
  }
}
