/**
 * The public keys under which a broker may answer, in the order in which they are tried: while a broker
 * changes its key, its peers know the old one and the next. Pure; the socket says when a key failed.
 */

/** Keys beyond the configured ones that are remembered. */
const MAX_KEYS = 8

export class KeyRing {
  readonly #keys: string[]
  #at = 0

  /** `keys` has at least one. */
  constructor(keys: readonly string[]) {
    this.#keys = [...new Set(keys)].slice(0, MAX_KEYS)
  }

  get current(): string {
    return this.#keys[this.#at] ?? ''
  }

  /** The broker said that it will answer under this key later. False when that is no news. */
  learn(key: string): boolean {
    if (this.#keys.includes(key) || this.#keys.length >= MAX_KEYS) return false
    this.#keys.push(key)
    return true
  }

  /** The current key does not open the connection: the next one is tried. False when there is no other. */
  failed(): boolean {
    if (this.#keys.length < 2) return false
    this.#at = (this.#at + 1) % this.#keys.length
    return true
  }
}
