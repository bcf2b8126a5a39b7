/** What happens, as one user may hear it, for as long as that user may. */
import type { Actor, StreamItem } from '../../sdk/index.ts'
import { EventWatch, type EventWatchPorts } from '../event-watch.ts'

export interface UserListener {
  readonly heard: (item: StreamItem) => void
  /** The user may not hear it any more. */
  readonly lost: () => void
}

export class UserWatch {
  readonly #watch: EventWatch
  #listener: UserListener | undefined

  constructor(actor: Actor, pause: EventWatchPorts['pause']) {
    this.#watch = new EventWatch({
      client: actor,
      pause,
      heard: (item) => this.#listener?.heard(item),
      trouble: (error) => {
        if (!error.retryable) this.#listener?.lost()
      },
    })
  }

  /** Rejects with FORBIDDEN for a user that has to do with its own sessions only. */
  async begin(): Promise<void> {
    await this.#watch.begin()
  }

  run(listener: UserListener): void {
    this.#listener = listener
    this.#watch.run()
  }

  stop(): Promise<void> {
    return this.#watch.stop()
  }
}
