/**
 * The ROUTER socket: its options, its receive loop, and the outcome of each send. ROUTER makes the
 * connection ids; peers cannot choose them, and they are never an identity.
 */
import * as zmq from 'zeromq'
import type { Bundle } from '../protocol/bundle.ts'
import { WIRE_LIMITS } from '../protocol/limits.ts'
import { rebindCurve, serveCurve } from './curve.ts'
import { RouterWriter } from './router-writer.ts'

/** libzmq's draft option ZMQ_ROUTER_NOTIFY, with connect | disconnect (zmq.h: 97, 1 | 2). */
const ROUTER_NOTIFY = 97
const NOTIFY_BOTH = 3

/** Bundles that libzmq may hold for one peer; what comes after waits in the link, where it is bounded. */
const SEND_HIGH_WATER_MARK = 64

export interface RouterPort {
  receive(connection: string, frames: readonly Buffer[]): void
  /** The transport opened or closed a connection. */
  notified(connection: string): void
  gone(connection: string): void
  next(connection: string): Bundle | undefined
  failed(error: unknown): void
}

/** Whom a socket listens to. Its mark comes before the ids of its connections. */
export type Side = 'local' | 'network'

const MARKS = { local: 'l:', network: 'n:' } as const satisfies Record<Side, string>

/** A peer that chooses an id of its own, against the protocol, cannot choose the mark. */
export function sideOf(connection: string): Side {
  return connection.startsWith(MARKS.network) ? 'network' : 'local'
}

export class RouterSocket {
  readonly #port: RouterPort
  readonly #mark: string
  readonly #socket: zmq.Router
  readonly #writer: RouterWriter
  #loop: Promise<void> = Promise.resolve()

  constructor(port: RouterPort, side: Side = 'local') {
    this.#port = port
    this.#mark = MARKS[side]
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

  /**
   * Whether connects and disconnects are told in-band; heartbeats are the fallback. With a secret key the
   * endpoint is one of CURVE.
   */
  async bind(
    endpoint: string,
    secretKey?: string,
  ): Promise<{ readonly endpoint: string; readonly hasNotify: boolean }> {
    const hasNotify = enableNotify(this.#socket)
    if (secretKey !== undefined) serveCurve(this.#socket, secretKey)
    await this.#socket.bind(endpoint)
    this.#loop = this.#receive()
    return { endpoint: this.#socket.lastEndpoint ?? endpoint, hasNotify }
  }

  /** From now on connections to the endpoint are made under this key; those of before end, and are made again. */
  async rebind(endpoint: string, secretKey: string): Promise<void> {
    await rebindCurve(this.#socket, endpoint, secretKey)
  }

  async #receive(): Promise<void> {
    try {
      for await (const [id, ...frames] of this.#socket) {
        if (!id) continue
        const connection = this.#mark + id.toString('latin1')
        if (frames.length === 1 && frames[0]?.length === 0) this.#port.notified(connection)
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
      const id = Buffer.from(connection.slice(this.#mark.length), 'latin1')
      await this.#socket.send([id, heads, bodies])
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
