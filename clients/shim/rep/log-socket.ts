/** The publisher of the log of agents. It hears who is subscribed to, and tells only of that. */
import { XPublisher } from 'zeromq'
import { bindTcp } from '../bind-tcp.ts'

/** Lines that wait for a subscriber; one that is slower misses some. */
const WAITING_LINES = 10_000
/** Bytes of a subscription: a UUID and the zero behind it, and some room. */
const MAX_PREFIX_BYTES = 256

export class LogSocket {
  readonly #socket = new XPublisher({
    linger: 0,
    sendHighWaterMark: WAITING_LINES,
    sendTimeout: 0,
    maxMessageSize: MAX_PREFIX_BYTES,
    heartbeatInterval: 5000,
    heartbeatTimeout: 15_000,
  })
  // zeromq.js refuses a second send while one is under way.
  #sent: Promise<void> = Promise.resolve()

  /** Resolves with the endpoint, its port included. Rejects with IN_USE or BAD_CONFIG. */
  bind(host: string, port: number): Promise<string> {
    return bindTcp(this.#socket, host, port)
  }

  /** Calls `changed` when a prefix gets its first subscriber, and when it loses the last one. */
  async watch(changed: (prefix: string, isWanted: boolean) => void): Promise<void> {
    for await (const [frame] of this.#socket) {
      if (frame && frame.length > 0) changed(frame.toString('latin1', 1), frame[0] === 1)
    }
  }

  publish(frame: Buffer): Promise<void> {
    this.#sent = this.#sent.then(() => this.#socket.send(frame)).catch(() => undefined)
    return this.#sent
  }

  close(): void {
    this.#socket.close()
  }
}
