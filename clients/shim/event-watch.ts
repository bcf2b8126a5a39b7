/** Hears what happens from a moment on, one item after the other, until it is stopped; goes on after a failure. */
import { type Actor, ProtocolError, type StreamItem } from '../sdk/index.ts'

export interface EventWatchPorts {
  readonly client: Pick<Actor, 'call' | 'follow'>
  /** Waits, ms; rejects when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  readonly heard: (item: StreamItem) => void | Promise<void>
  /** It could not be heard, and is tried again. */
  readonly trouble: (error: ProtocolError) => void
}

const EVENTS = '@events'
/** After a failure it is tried again, ms. */
const TRY_AGAIN_MS = 1000

export class EventWatch {
  readonly #ports: EventWatchPorts
  readonly #stop = new AbortController()
  #next = 1
  #running: Promise<void> = Promise.resolve()

  constructor(ports: EventWatchPorts) {
    this.#ports = ports
  }

  /** Notes where to begin: everything that happens after this will be heard. */
  async begin(): Promise<void> {
    const { signal } = this.#stop
    const page = { session: EVENTS, from: 1, max_count: 1 }
    const { head } = await this.#ports.client.call('stream.read', page, { signal })
    this.#next = head + 1
  }

  run(): void {
    this.#running = this.#repeat()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #repeat(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        await this.#follow()
      } catch (thrown) {
        const error = ProtocolError.from(thrown, 'client')
        if (signal.aborted || error.code === 'CONNECTION_CLOSED') return
        this.#ports.trouble(error)
        await this.#ports.pause(TRY_AGAIN_MS, signal).catch(() => undefined)
      }
    }
  }

  async #follow(): Promise<void> {
    const { client, heard } = this.#ports
    const { signal } = this.#stop
    for await (const item of client.follow(EVENTS, { from: this.#next, signal })) {
      // Before it is heard: one that makes trouble is not heard again and again.
      this.#next = (item.type === 'gap' ? item.to : item.seq) + 1
      await heard(item)
    }
  }
}
