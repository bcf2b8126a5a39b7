/** What a client tells about its connection, to any number of readers. */
import type { ProtocolError } from '../../protocol/errors.ts'
import { SDK_LIMITS } from './limits.ts'
import { Wake } from './wake.ts'

export type ConnectionStatus =
  | {
      readonly type: 'connected'
      readonly instance: string
      readonly epoch: number
      readonly software: string
    }
  /** The broker is away; the client greets it again by itself. */
  | { readonly type: 'lost'; readonly reason: string }
  /** The broker has not answered for a while; the client goes on trying. */
  | { readonly type: 'silent'; readonly sinceMs: number }
  /** The broker said no; the client has given up. */
  | { readonly type: 'refused'; readonly error: ProtocolError }
  | { readonly type: 'closed' }

export class StatusBoard {
  readonly #listeners = new Set<(status: ConnectionStatus) => void>()
  #current: ConnectionStatus | undefined

  get current(): ConnectionStatus | undefined {
    return this.#current
  }

  set(status: ConnectionStatus): void {
    if (this.#current?.type === 'closed') return
    this.#current = status
    for (const listener of this.#listeners) listener(status)
  }

  /** Calls the listener at each change, until the returned function is called. */
  listen(listener: (status: ConnectionStatus) => void): () => void {
    const own = (status: ConnectionStatus) => listener(status) // the same function may listen twice
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  /** The current status, then each change; ends after `closed`. */
  async *read(): AsyncGenerator<ConnectionStatus, void, undefined> {
    const queue: ConnectionStatus[] = this.#current ? [this.#current] : []
    const wake = new Wake()
    const stop = this.listen((status) => {
      queue.push(status)
      if (queue.length > SDK_LIMITS.statusQueue) queue.shift()
      wake.wake()
    })
    try {
      for (;;) {
        const status = queue.shift()
        if (status) yield status
        else await wake.wait()
        if (status?.type === 'closed') return
      }
    } finally {
      stop()
    }
  }
}
