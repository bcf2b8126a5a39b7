/** The ZeroMQ sockets of a client. The only file of the SDK that imports zeromq. */
import { capability, context, Dealer, type Event, version, XSubscriber } from 'zeromq'
import type { Bundle } from '../../protocol/bundle.ts'
import type { ProtocolError } from '../../protocol/errors.ts'
import type { PeerKeys } from '../../protocol/keys/peer-keys.ts'
import { MAX_FRAME_BYTES } from '../../protocol/limits.ts'
import {
  Dialer,
  type DialTarget,
  findingError,
  isRefusal,
  refusal,
} from '../../protocol/link/dialer.ts'
import type { DealerHandlers, DealerPort } from '../../protocol/link/peer-connection.ts'
import { PEER_TCP } from '../../protocol/link/peer-tcp.ts'
import { SDK_LIMITS } from './limits.ts'
import type { SubscriberPort, Transport } from './transport.ts'

// Otherwise a process would hang at its end until a broker that is not there takes what waits.
context.blocky = false

const COMMON = {
  immediate: true, // nothing is queued for a broker that is not there
  reconnectInterval: 100,
  reconnectMaxInterval: 1000,
  maxMessageSize: MAX_FRAME_BYTES,
  handshakeInterval: 5000,
  ...PEER_TCP,
} as const

const DIAL_PORTS = {
  where: 'client',
  now: () => performance.now(),
  after: (ms: number, run: () => void) => void setTimeout(run, ms).unref(),
} as const

const SUBSCRIBE = 1
const UNSUBSCRIBE = 0

/** What the native module can do. */
export function zeromqVersion(): { readonly libzmq: string; readonly hasCurve: boolean } {
  return { libzmq: version, hasCurve: capability.curve === true }
}

/** To a broker of this machine. */
export const zeromqTransport: Transport = transport(undefined)

/** To a broker of another machine: all that it opens is CURVE. */
export function curveTransport(keys: PeerKeys): Transport {
  return transport(keys)
}

function transport(keys: PeerKeys | undefined): Transport {
  return {
    dealer: (endpoint, handlers) => new DealerSocket({ endpoint, keys }, handlers),
    subscriber: (endpoint, receive, broken) =>
      new SubscriberSocket({ endpoint, keys }, receive, broken),
  }
}

class DealerSocket implements DealerPort {
  readonly #socket = new Dealer({
    ...COMMON,
    linger: SDK_LIMITS.goodbyeMs,
    sendHighWaterMark: 64, // more waits in the outbox, where urgent messages can overtake it
  })
  readonly #target: DialTarget
  readonly #dialer: Dialer

  constructor(target: DialTarget, handlers: DealerHandlers) {
    this.#target = target
    // Before it dials: zeromq.js tells nothing of what happened before somebody listened.
    this.#watch(handlers).catch((error: unknown) => this.#broken(error, handlers))
    this.#dialer = new Dialer(this.#socket, target, DIAL_PORTS)
    this.#read(handlers).catch((error: unknown) => this.#broken(error, handlers))
  }

  get problem(): ProtocolError | undefined {
    return findingError(this.#dialer.finding, this.#target, 'client')
  }

  async send(bundle: Bundle): Promise<void> {
    await this.#socket.send([bundle.heads, bundle.bodies])
  }

  redial(): void {
    this.#dialer.redial()
  }

  close(): void {
    this.#socket.close()
  }

  async #read(handlers: DealerHandlers): Promise<void> {
    for await (const frames of this.#socket) handlers.receive(frames)
  }

  async #watch(handlers: DealerHandlers): Promise<void> {
    for await (const event of this.#socket.events) {
      if (this.#socket.closed) return
      if (event.type === 'disconnect') handlers.disconnected()
      this.#dialer.heard(event)
      if (isRefusal(event)) handlers.refused(refusal(this.#target.keys, 'client'))
      const reason = handshakeTrouble(event)
      if (reason !== undefined) handlers.trouble(reason)
    }
  }

  #broken(error: unknown, handlers: DealerHandlers): void {
    if (!this.#socket.closed) handlers.trouble(`socket: ${String(error)}`)
  }
}

class SubscriberSocket implements SubscriberPort {
  readonly #socket = new XSubscriber({
    ...COMMON,
    linger: 0,
    sendHighWaterMark: 0, // XSUB drops subscriptions at its mark without a word
    receiveHighWaterMark: 256, // bundles; what does not fit is read from the journal
  })
  readonly #dialer: Dialer
  // zeromq.js refuses a second send while one is under way.
  #sent: Promise<void> = Promise.resolve()

  constructor(
    target: DialTarget,
    receive: (topic: string, frames: readonly Uint8Array[]) => void,
    broken: () => void,
  ) {
    // A broken subscription falls silent, and silence is what feeds watch for if nothing else tells them.
    this.#watch(broken).catch(() => undefined)
    this.#dialer = new Dialer(this.#socket, target, DIAL_PORTS)
    this.#read(receive).catch(() => undefined)
  }

  subscribe(ticket: string): void {
    this.#send(SUBSCRIBE, ticket)
  }

  unsubscribe(ticket: string): void {
    this.#send(UNSUBSCRIBE, ticket)
  }

  close(): void {
    this.#socket.close()
  }

  async #watch(broken: () => void): Promise<void> {
    for await (const event of this.#socket.events) {
      if (this.#socket.closed) return
      this.#dialer.heard(event)
      if (event.type === 'disconnect') broken()
    }
  }

  #send(verb: number, ticket: string): void {
    const frame = Buffer.concat([Buffer.of(verb), Buffer.from(ticket)])
    this.#sent = this.#sent.then(() => this.#socket.send(frame)).catch(() => undefined)
  }

  async #read(receive: (topic: string, frames: readonly Uint8Array[]) => void): Promise<void> {
    for await (const [topic, ...frames] of this.#socket) {
      if (topic) receive(topic.toString(), frames)
    }
  }
}

function handshakeTrouble(event: Event): string | undefined {
  switch (event.type) {
    case 'handshake:error:auth':
      return `the broker refused this key (ZAP status ${event.error.status})`
    case 'handshake:error:protocol':
      return event.error.code === 'ERR_ZMTP_MECHANISM_MISMATCH'
        ? 'the ZeroMQ handshake failed: one side uses CURVE and the other does not'
        : `the ZeroMQ handshake failed (${event.error.code})`
    case 'handshake:error:other':
      return `the ZeroMQ handshake failed (${event.error.message})`
    default:
      return undefined
  }
}
