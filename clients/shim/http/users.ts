/** What serves each user of a door, made when it is needed; of too many the one that asked the longest ago is forgotten. */

/** Users that are remembered: what is remembered of one only saves reading again. */
export const MAX_USERS = 256

export class Users<T> {
  readonly #make: (user: string | undefined) => T
  readonly #serving = new Map<string | undefined, T>()

  constructor(make: (user: string | undefined) => T) {
    this.#make = make
  }

  get size(): number {
    return this.#serving.size
  }

  /** Undefined = the shim itself. */
  of(user: string | undefined): T {
    const serving = this.#serving.get(user) ?? this.#make(user)
    this.#serving.delete(user)
    this.#serving.set(user, serving)
    for (const oldest of this.#serving.keys()) {
      if (this.#serving.size <= MAX_USERS) break
      this.#serving.delete(oldest)
    }
    return serving
  }
}
