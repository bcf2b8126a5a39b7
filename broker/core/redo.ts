/**
 * Changes that the broker made by itself and could not write: nobody repeats them, so they are made again
 * until there is room. A deed checks for itself whether it is still due.
 */

/** Between attempts, ms. */
const REDO_MS = 1000

export class Redo {
  /** By session and deed, so that a host that comes and goes does not pile them up. */
  readonly #deeds = new Map<string, () => void>()
  #dueAt = 0

  get size(): number {
    return this.#deeds.size
  }

  add(session: string, deed: string, again: () => void): void {
    this.#deeds.set(`${session} ${deed}`, again)
  }

  /** What is to be made again now; it is forgotten here. */
  due(now: number): (() => void)[] {
    if (this.#deeds.size === 0 || now < this.#dueAt) return []
    this.#dueAt = now + REDO_MS
    const deeds = [...this.#deeds.values()]
    this.#deeds.clear()
    return deeds
  }
}
