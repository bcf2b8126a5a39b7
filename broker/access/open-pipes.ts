/** How many connections to ROUTER each key has open, as the transport tells; whether they are welcome or not. */

/** Connections that have closed and are remembered; no honest one is heard of again. */
const MAX_CLOSED = 4096

export class OpenPipes {
  /** Keys of the connections that are open. */
  readonly #keys = new Map<string, string>()
  readonly #counts = new Map<string, number>()
  /** The one that closed first is first. */
  readonly #closed = new Set<string>()

  /** The transport opened this connection, or closed it: it says the same for both. */
  notified(connection: string, key: string): void {
    if (this.#closed.has(connection)) return
    const wasOpen = this.#keys.delete(connection)
    if (wasOpen) this.#close(connection)
    else this.#keys.set(connection, key)
    const count = this.countOf(key) + (wasOpen ? -1 : 1)
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }

  /**
   * Whether its end was told already. An empty message of a peer looks the same, and would wipe off what it has
   * coming: then it is still there, and speaks.
   */
  hasClosed(connection: string): boolean {
    return this.#closed.has(connection)
  }

  #close(connection: string): void {
    this.#closed.add(connection)
    const [oldest] = this.#closed
    if (this.#closed.size > MAX_CLOSED && oldest !== undefined) this.#closed.delete(oldest)
  }

  countOf(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  /** The socket is gone, and all of them with it. */
  clear(): void {
    this.#keys.clear()
    this.#counts.clear()
    this.#closed.clear()
  }
}
