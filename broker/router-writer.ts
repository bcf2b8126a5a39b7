/**
 * The one writer of the ROUTER socket: drains the links of connections that have something to send, in
 * turn. A peer whose pipe is full waits with the bundle it was refused; nobody else waits for it.
 */
import type { Bundle } from '../protocol/bundle.ts'

/** A peer whose pipe is full is tried again after this, ms. */
const RETRY_MS = 5

export interface RouterWriterPort {
  next(connection: string): Bundle | undefined
  send(connection: string, bundle: Bundle): Promise<'sent' | 'full' | 'gone'>
  /** The socket says that there is no such peer. */
  gone(connection: string): void
  failed(error: unknown): void
  /** Runs `run` once after `ms` milliseconds; the returned function calls it off. */
  after(ms: number, run: () => void): () => void
}

export class RouterWriter {
  readonly #port: RouterWriterPort
  /** Connections with something to send, in order of asking. */
  readonly #ready = new Set<string>()
  /** Bundles that a full pipe refused. */
  readonly #stuck = new Map<string, Bundle>()
  #state: 'idle' | 'scheduled' | 'writing' = 'idle'
  #callOffRetry: (() => void) | undefined

  constructor(port: RouterWriterPort) {
    this.#port = port
  }

  /** Connections that wait for room in their pipe. */
  get stuckCount(): number {
    return this.#stuck.size
  }

  /** The link of this connection has something to send. */
  ready(connection: string): void {
    this.#ready.add(connection)
    if (this.#state !== 'idle') return
    this.#state = 'scheduled'
    // After the current task, so that all answers to one bundle leave in one bundle.
    queueMicrotask(() => {
      this.#write().catch((error: unknown) => this.#port.failed(error))
    })
  }

  forget(connection: string): void {
    this.#stuck.delete(connection)
    this.#ready.delete(connection)
  }

  close(): void {
    this.#callOffRetry?.()
  }

  async #write(): Promise<void> {
    this.#state = 'writing'
    try {
      for (const connection of this.#ready) {
        this.#ready.delete(connection)
        await this.#drain(connection)
      }
    } finally {
      this.#state = 'idle'
    }
  }

  async #drain(connection: string): Promise<void> {
    const take = () => this.#stuck.get(connection) ?? this.#port.next(connection)
    for (let bundle = take(); bundle; bundle = take()) {
      const outcome = await this.#port.send(connection, bundle)
      if (outcome === 'full') {
        this.#stuck.set(connection, bundle)
        this.#retryLater()
        return
      }
      this.#stuck.delete(connection)
      if (outcome === 'gone') return this.#port.gone(connection)
    }
  }

  #retryLater(): void {
    this.#callOffRetry ??= this.#port.after(RETRY_MS, () => {
      this.#callOffRetry = undefined
      for (const connection of this.#stuck.keys()) this.ready(connection)
    })
  }
}
