/** How many connections to ROUTER each key has open, as the transport tells; whether they are welcome or not. */
export class OpenPipes {
  /** Keys of the connections that are open. */
  readonly #keys = new Map<string, string>()
  readonly #counts = new Map<string, number>()

  /** The transport opened this connection, or closed it: it says the same for both. */
  notified(connection: string, key: string): void {
    const wasOpen = this.#keys.delete(connection)
    if (!wasOpen) this.#keys.set(connection, key)
    const count = this.countOf(key) + (wasOpen ? -1 : 1)
    if (count > 0) this.#counts.set(key, count)
    else this.#counts.delete(key)
  }

  countOf(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  /** The socket is gone, and all of them with it. */
  clear(): void {
    this.#keys.clear()
    this.#counts.clear()
  }
}
