/**
 * Waits until the one I/O thread of libzmq that serves the network has done what it was at. Dials an address
 * that cannot be there: that the thread has tried is heard from it, in the order of its work. Sends nothing to
 * anybody.
 */
import * as zmq from 'zeromq'
import { onThreadOf } from './io-threads.ts'

/** A path that no file can have. */
const NOWHERE = 'ipc:///dev/null/agentmq-'

export class FenceSocket {
  readonly #socket = new zmq.Dealer({ linger: 0, reconnectInterval: 60_000 })
  /** From before the first dial, so that none is missed. */
  readonly #events = this.#socket.events
  #passes = 0

  /** One at a time. Resolves once the thread is past all that it was asked for before. */
  async pass(): Promise<void> {
    this.#passes += 1
    const endpoint = `${NOWHERE}${this.#passes}`
    // With another one the order of its work would say nothing.
    onThreadOf('network', this.#socket, () => this.#socket.connect(endpoint))
    // What is still to be heard of earlier ones has their addresses.
    while ((await this.#address()) !== endpoint);
    this.#socket.disconnect(endpoint)
  }

  async #address(): Promise<string | undefined> {
    const event = await this.#events.receive()
    return 'address' in event ? event.address : undefined
  }

  close(): void {
    this.#socket.close()
  }
}
