/** Follows `@events` from now on and tells each event in its old form, until it is stopped. */
import { type Client, ProtocolError } from '../../sdk/index.ts'
import type { DescartesEvent } from './descartes-event.ts'
import { descartesEvents } from './from-native.ts'
import { EVENTS_LIMITS } from './limits.ts'

export interface EventFeedPorts {
  readonly client: Pick<Client, 'call' | 'follow'>
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  readonly tell: (event: DescartesEvent) => void
  readonly trouble: (error: ProtocolError) => void
}

const EVENTS = '@events'

export class EventFeed {
  readonly #ports: EventFeedPorts
  readonly #stop = new AbortController()
  #next = 1
  #run: Promise<void> = Promise.resolve()

  constructor(ports: EventFeedPorts) {
    this.#ports = ports
  }

  /** Resolves when it is known where to begin; everything after that is told. */
  async start(): Promise<void> {
    const { signal } = this.#stop
    const page = { session: EVENTS, from: 1, max_count: 1 }
    const { head } = await this.#ports.client.call('stream.read', page, { signal })
    this.#next = head + 1
    this.#run = this.#repeat()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#run
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
        await this.#ports.pause(EVENTS_LIMITS.retryMs, signal).catch(() => undefined)
      }
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop
    for await (const item of this.#ports.client.follow(EVENTS, { from: this.#next, signal })) {
      this.#next = (item.type === 'gap' ? item.to : item.seq) + 1
      if (item.type !== 'event') continue
      for (const event of descartesEvents(item)) this.#ports.tell(event)
    }
  }
}
