/** The DEALER socket of a host. The only file of the host that imports zeromq. */
import { context, Dealer } from 'zeromq'
import type { Bundle } from '../protocol/bundle.ts'
import type { ProtocolError } from '../protocol/errors.ts'
import type { PeerKeys } from '../protocol/keys/peer-keys.ts'
import { MAX_FRAME_BYTES } from '../protocol/limits.ts'
import {
  Dialer,
  type DialTarget,
  findingError,
  isRefusal,
  refusal,
} from '../protocol/link/dialer.ts'
import type { DealerHandlers, DealerPort, OpenDealer } from '../protocol/link/peer-connection.ts'
import { PEER_TCP } from '../protocol/link/peer-tcp.ts'
import { realTimers } from './process/timers.ts'

// Otherwise a host would hang at its end until a broker that is not there takes what waits.
context.blocky = false

const DIAL_PORTS = {
  where: 'host',
  now: () => realTimers.now(),
  after: (ms: number, run: () => void) => void realTimers.after(ms, run),
} as const

/** With keys it is CURVE. */
export function dealerWith(keys: PeerKeys | undefined): OpenDealer {
  return (endpoint, handlers) => new HostDealer({ endpoint, keys }, handlers)
}

class HostDealer implements DealerPort {
  readonly #socket = new Dealer({
    immediate: true, // nothing is queued for a broker that is not there
    linger: 250, // ms for GOODBYE to leave
    sendHighWaterMark: 16, // bundles; more waits in the outbox, where urgent messages overtake it
    reconnectInterval: 100,
    reconnectMaxInterval: 1000,
    maxMessageSize: MAX_FRAME_BYTES,
    handshakeInterval: 5000,
    ...PEER_TCP,
  })

  readonly #target: DialTarget
  readonly #dialer: Dialer

  /** Throws BAD_CONFIG. */
  constructor(target: DialTarget, handlers: DealerHandlers) {
    this.#target = target
    // Before it dials: zeromq.js tells nothing of what happened before somebody listened.
    this.#watch(handlers).catch((error: unknown) => this.#broken(error, handlers))
    this.#dialer = new Dialer(this.#socket, target, DIAL_PORTS)
    this.#read(handlers).catch((error: unknown) => this.#broken(error, handlers))
  }

  get problem(): ProtocolError | undefined {
    return findingError(this.#dialer.finding, this.#target, 'host')
  }

  async send({ heads, bodies }: Bundle): Promise<void> {
    await this.#socket.send([heads, bodies])
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
      this.#dialer.heard(event)
      if (isRefusal(event)) handlers.refused(refusal(this.#target.keys, 'host'))
      if (event.type === 'disconnect') handlers.disconnected()
      else if (event.type.startsWith('handshake:error')) handlers.trouble(event.type)
    }
  }

  #broken(error: unknown, handlers: DealerHandlers): void {
    if (!this.#socket.closed) handlers.trouble(`socket: ${String(error)}`)
  }
}
