/** Work on one thing waits for the work on it that came before; other things are not held up. */
export class OneAtATime {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Settles as the work does. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const mine = before.then(work, work)
    const over = mine.then(ignore, ignore).then(() => {
      if (this.#last.get(key) === over) this.#last.delete(key)
    })
    this.#last.set(key, over)
    return mine
  }

  /** Things that somebody works on. */
  get size(): number {
    return this.#last.size
  }
}

function ignore(): void {}
