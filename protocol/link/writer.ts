/**
 * The one writer of a socket: sends at once when idle, and in one bundle whatever gathered while a send
 * was under way. zeromq.js refuses a second send while one waits, so all sends of a socket go through here.
 */
import type { Bundle } from '../bundle.ts'

export interface WriterPort {
  /** The next bundle to send, or undefined when there is none. */
  next(): Bundle | undefined
  /** Resolves when the socket has taken the bundle. */
  send(bundle: Bundle): Promise<void>
  /** A send failed for good; the writer stays usable. */
  failed(error: unknown): void
}

export class Writer {
  readonly #port: WriterPort
  #state: 'idle' | 'scheduled' | 'sending' = 'idle'

  constructor(port: WriterPort) {
    this.#port = port
  }

  /** There may be something to send. Waits for the end of the current task, so that a burst is one bundle. */
  kick(): void {
    if (this.#state !== 'idle') return
    this.#state = 'scheduled'
    queueMicrotask(() => {
      this.#run().catch((error: unknown) => this.#port.failed(error))
    })
  }

  async #run(): Promise<void> {
    this.#state = 'sending'
    try {
      for (let bundle = this.#port.next(); bundle; bundle = this.#port.next()) {
        await this.#attempt(bundle)
      }
    } finally {
      this.#state = 'idle'
    }
  }

  /** A failure does not end the run: what gathered during the send kicked in vain. */
  async #attempt(bundle: Bundle): Promise<void> {
    try {
      await this.#port.send(bundle)
    } catch (error) {
      this.#port.failed(error)
    }
  }
}
