/**
 * The public keys under which a broker may answer, in the order in which they are tried: while a broker
 * changes its key, its peers know the old one and the next. A key that was followed by one that worked is not
 * tried any more: who has stolen it must not be taken for the broker. Pure; the socket says what came of a key.
 */

/** Keys beyond the configured ones that are remembered. */
const MAX_KEYS = 8

export class KeyRing {
  readonly #keys: string[]
  readonly #retired: (keys: readonly string[], successor: string) => void
  #at = 0
  /** Under which a connection was made last. */
  #proven: string | undefined

  /** `keys` has at least one; `retired` hears of those that are not tried any more. */
  constructor(
    keys: readonly string[],
    retired: (keys: readonly string[], successor: string) => void = () => {},
  ) {
    this.#keys = [...new Set(keys)].slice(0, MAX_KEYS)
    this.#retired = retired
  }

  get current(): string {
    return this.#keys[this.#at] ?? ''
  }

  /** The key of the broker that was reached last; before that, the one that is tried. */
  get proven(): string {
    return this.#proven ?? this.current
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

  /** A connection was made under this key, so the broker has it; those before it are over. */
  worked(key: string): void {
    const at = this.#keys.indexOf(key)
    if (at < 0) return
    this.#proven = key
    this.#at = 0
    const retired = this.#keys.splice(0, at)
    if (retired.length > 0) this.#retired(retired, key)
  }
}
