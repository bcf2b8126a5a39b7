/**
 * The ROUTER socket: its options, its receive loop, and the outcome of each send. On this machine ROUTER
 * makes the connection ids, and a peer that chose its own is refused; over the network the ZAP handler makes
 * them. They are never an identity.
 */
import { setImmediate as others } from 'node:timers/promises'
import * as zmq from 'zeromq'
import { type Bundle, encodeBundle } from '../protocol/bundle.ts'
import { encode } from '../protocol/codec.ts'
import { ProtocolError } from '../protocol/errors.ts'
import { MAX_FRAME_BYTES } from '../protocol/limits.ts'
import { serveCurve, whenFree } from './curve.ts'
import { bindApart, splitThreads, stopListening } from './io-threads.ts'
import { RouterWriter } from './router-writer.ts'
import { Turn } from './turn.ts'
import { unnamedOptions } from './unnamed-options.ts'

/** libzmq's draft option ZMQ_ROUTER_NOTIFY, with connect | disconnect (zmq.h: 97, 1 | 2). */
const ROUTER_NOTIFY = 97
const NOTIFY_BOTH = 3

/**
 * No heartbeats of ZMTP: when a peer is gone and there is no room for what it has sent, libzmq 4.3.5 ends the whole
 * process at the next one (zeromq/libzmq#4841). The links have heartbeats of their own, TCP has keepalive.
 */
export const TCP_KEEPALIVE = {
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 30,
  tcpKeepaliveInterval: 10,
  tcpKeepaliveCount: 4,
} as const

/** Bundles that libzmq may hold for one peer; what comes after waits in the link, where it is bounded. */
const SEND_HIGH_WATER_MARK = 64

/**
 * Bundles of one peer that libzmq may hold for us, which may have 4 MiB each. Peers of the network wait with the
 * rest, so that many of them do not fill the memory.
 */
const RECEIVE_HIGH_WATER_MARK = { local: 1000, network: 16 } as const

/** Until a peer has spoken ZMTP and CURVE, ms: whoever opens a connection and says nothing holds an open file. */
export const HANDSHAKE_MS = { local: 5000, network: 3000 } as const

/** Frames of a message beyond which its sender means harm: it takes a millisecond to read so many. */
const MAX_FRAMES = 1024

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
  /** A message came of so many frames that taking it held up everybody. */
  flooded(connection: string): void
  next(connection: string): Bundle | undefined
  failed(error: unknown): void
}

/** Whom a socket listens to. Its mark comes before the ids of its connections. */
export type Side = 'local' | 'network'

const MARKS = { local: 'l:', network: 'n:' } as const satisfies Record<Side, string>
const MARK_CHARS = 2

/** A peer that chooses an id of its own, against the protocol, cannot choose the mark. */
export function sideOf(connection: string): Side {
  return connection.startsWith(MARKS.network) ? 'network' : 'local'
}

/** The id by which ROUTER knows it. */
export function routingIdOf(connection: string): Buffer {
  return Buffer.from(connection.slice(MARK_CHARS), 'latin1')
}

/** The network gets an I/O thread of its own. To be called before the first socket is made. */
export function prepareForNetwork(): void {
  splitThreads(zmq.context)
}

export class RouterSocket {
  readonly #port: RouterPort
  readonly #side: Side
  readonly #mark: string
  readonly #turn = new Turn()
  readonly #socket: zmq.Router
  readonly #writer: RouterWriter
  readonly #hasNotify: boolean
  #loop: Promise<void> | undefined

  constructor(port: RouterPort, side: Side = 'local') {
    this.#port = port
    this.#side = side
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
      receiveHighWaterMark: RECEIVE_HIGH_WATER_MARK[side],
      maxMessageSize: MAX_FRAME_BYTES,
      handshakeInterval: HANDSHAKE_MS[side],
      backlog: 1024,
      ...TCP_KEEPALIVE,
    })
    this.#hasNotify = enableNotify(this.#socket)
  }

  /**
   * Whether connects and disconnects are told in-band; heartbeats are the fallback. With a secret key the
   * endpoint is one of CURVE.
   */
  async bind(
    endpoint: string,
    secretKey?: string,
  ): Promise<{ readonly endpoint: string; readonly hasNotify: boolean }> {
    if (secretKey !== undefined) serveCurve(this.#socket, secretKey)
    bindApart(this.#socket, endpoint, this.#side)
    this.#loop ??= this.#receive()
    return { endpoint: this.#socket.lastEndpoint ?? endpoint, hasNotify: this.#hasNotify }
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
        this.#take(frames)
        if (this.#turn.isOver(frames.length, performance.now() - since)) await others()
      }
    } catch (error) {
      if (!this.#socket.closed) this.#port.failed(error)
    }
  }

  #take(message: readonly Buffer[]): void {
    const [id] = message
    if (!id) return
    const connection = this.#mark + id.toString('latin1')
    if (message.length > MAX_FRAMES) {
      this.#port.flooded(connection)
      return
    }
    const frames = message.slice(1)
    const isNotice = frames.length === 1 && frames[0]?.length === 0
    if (this.#side === 'local' && !isOwnId(id)) {
      if (!isNotice) this.sendOnce(connection, CHOSEN_ID)
    } else if (isNotice) this.#port.notified(connection)
    else this.#port.receive(connection, frames)
  }

  /** The link of this connection has something to send. */
  ready(connection: string): void {
    this.#writer.ready(connection)
  }

  async #send(connection: string, { heads, bodies }: Bundle): Promise<'sent' | 'full' | 'gone'> {
    try {
      await this.#socket.send([routingIdOf(connection), heads, bodies])
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

/** Feature test: the option is a draft of libzmq. */
function enableNotify(socket: zmq.Router): boolean {
  try {
    unnamedOptions(socket).setUint32Option(ROUTER_NOTIFY, NOTIFY_BOTH)
    return true
  } catch {
    return false
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

function isOwnId(id: Buffer): boolean {
  return id.length === OWN_ID_BYTES && id[0] === 0
}
