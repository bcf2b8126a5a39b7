/** Changes of the mode that a CLI was asked for and has not answered yet. */

type Done = (refusal: string | undefined) => void

/** Changes that may wait for an answer; more than one is a race of clients. */
const MAX_WAITING = 16

export class ModeRequests {
  readonly #waiting = new Map<string, Done>()

  /** False, with a refusal told, when too many wait already. */
  add(id: string, done: Done): boolean {
    if (this.#waiting.size >= MAX_WAITING) {
      done(`${MAX_WAITING} changes of its mode wait already`)
      return false
    }
    this.#waiting.set(id, done)
    return true
  }

  /** Whether the answer was to one of these. */
  settle(id: string, refusal: string | undefined): boolean {
    const done = this.#waiting.get(id)
    this.#waiting.delete(id)
    done?.(refusal)
    return done !== undefined
  }

  /** The CLI has ended and answers nothing any more. */
  close(): void {
    for (const id of [...this.#waiting.keys()]) this.settle(id, 'it has ended')
  }
}
