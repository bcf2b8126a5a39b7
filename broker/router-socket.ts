/**
 * The ROUTER socket: its options, its receive loop, and the outcome of each send. ROUTER makes the
 * connection ids; a peer that chose its own is refused, and they are never an identity.
 */
import * as zmq from 'zeromq'
import { type Bundle, encodeBundle } from '../protocol/bundle.ts'
import { encode } from '../protocol/codec.ts'
import { ProtocolError } from '../protocol/errors.ts'
import { WIRE_LIMITS } from '../protocol/limits.ts'
import { RouterWriter } from './router-writer.ts'

/** libzmq's draft option ZMQ_ROUTER_NOTIFY, with connect | disconnect (zmq.h: 97, 1 | 2). */
const ROUTER_NOTIFY = 97
const NOTIFY_BOTH = 3

/** Bundles that libzmq may hold for one peer; what comes after waits in the link, where it is bounded. */
const SEND_HIGH_WATER_MARK = 64

/**
 * Length of an id that ROUTER made: a zero byte and a number of 32 bits. One that a peer made in this form cannot
 * be told from it (docs/reliability.md, what is not covered).
 */
const OWN_ID_BYTES = 5

/** The answer to a peer that chose its own id (docs/protocol.md 1.2): it could be of any length and look like anything. */
const CHOSEN_ID: Bundle = encodeBundle([
  {
    head: { kind: 'ERROR', id: '' },
    body: encode(
      new ProtocolError('BAD_FRAME', { reason: 'a peer must not set a routing id' }).toWire(),
    ),
  },
])

export interface RouterPort {
  receive(connection: string, frames: readonly Buffer[]): void
  /** The transport opened or closed a connection. */
  notified(connection: string): void
  gone(connection: string): void
  next(connection: string): Bundle | undefined
  failed(error: unknown): void
}

export class RouterSocket {
  readonly #port: RouterPort
  readonly #socket: zmq.Router
  readonly #writer: RouterWriter
  #loop: Promise<void> = Promise.resolve()

  constructor(port: RouterPort) {
    this.#port = port
    this.#writer = new RouterWriter({
      next: (connection) => port.next(connection),
      send: (connection, bundle) => this.#send(connection, bundle),
      gone: (connection) => port.gone(connection),
      failed: (error) => port.failed(error),
      after,
    })
    zmq.context.blocky = false // never hold up the exit of the process
    this.#socket = new zmq.Router({
      mandatory: true, // a peer that is not there is an error, not a silent loss
      handover: false, // nobody takes over the mail of another connection
      linger: 0,
      sendTimeout: 0, // a full pipe is EAGAIN for this peer alone
      sendHighWaterMark: SEND_HIGH_WATER_MARK,
      maxMessageSize: WIRE_LIMITS.maxBodiesBytes,
      heartbeatInterval: 2000,
      heartbeatTimeout: 6000,
      handshakeInterval: 5000,
      backlog: 1024,
      tcpKeepalive: 1,
      tcpKeepaliveIdle: 30,
      tcpKeepaliveInterval: 10,
      tcpKeepaliveCount: 4,
    })
  }

  /** Whether connects and disconnects are told in-band; heartbeats are the fallback. */
  async bind(
    endpoint: string,
  ): Promise<{ readonly endpoint: string; readonly hasNotify: boolean }> {
    const hasNotify = enableNotify(this.#socket)
    await this.#socket.bind(endpoint)
    this.#loop = this.#receive()
    return { endpoint: this.#socket.lastEndpoint ?? endpoint, hasNotify }
  }

  async #receive(): Promise<void> {
    try {
      for await (const [id, ...frames] of this.#socket) {
        if (!id) continue
        const connection = id.toString('latin1')
        const isNotice = frames.length === 1 && frames[0]?.length === 0
        if (id.length !== OWN_ID_BYTES || id[0] !== 0) {
          if (!isNotice) this.sendOnce(connection, CHOSEN_ID)
        } else if (isNotice) this.#port.notified(connection)
        else this.#port.receive(connection, frames)
      }
    } catch (error) {
      if (!this.#socket.closed) this.#port.failed(error)
    }
  }

  /** The link of this connection has something to send. */
  ready(connection: string): void {
    this.#writer.ready(connection)
  }

  async #send(connection: string, { heads, bodies }: Bundle): Promise<'sent' | 'full' | 'gone'> {
    try {
      await this.#socket.send([Buffer.from(connection, 'latin1'), heads, bodies])
      return 'sent'
    } catch (error) {
      const code = errorCode(error)
      if (code === 'EAGAIN') return 'full'
      if (code === 'EHOSTUNREACH' || this.#socket.closed) return 'gone'
      throw error
    }
  }

  /** Sends one bundle outside of any link, if there is room. */
  sendOnce(connection: string, bundle: Bundle): void {
    this.#send(connection, bundle).catch((error: unknown) => this.#port.failed(error))
  }

  /** Connections whose pipe is full. */
  get stuckCount(): number {
    return this.#writer.stuckCount
  }

  forget(connection: string): void {
    this.#writer.forget(connection)
  }

  async close(): Promise<void> {
    this.#writer.close()
    this.#socket.close()
    await this.#loop
  }
}

function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** Feature test: the option is a draft of libzmq and has no typed accessor in zeromq.js 6.8. */
function enableNotify(socket: zmq.Router): boolean {
  try {
    rawOptions(socket).setUint32Option(ROUTER_NOTIFY, NOTIFY_BOTH)
    return true
  } catch {
    return false
  }
}

interface RawOptions {
  setUint32Option(option: number, value: number): void
}

function rawOptions(socket: zmq.Router): RawOptions {
  return socket as unknown as RawOptions
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
