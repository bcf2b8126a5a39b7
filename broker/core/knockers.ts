/** Keys that knock at the door of the network and are not known, for an operator to look at. Bounded. */
import { ProtocolError } from '../../protocol/errors.ts'
import { fingerprint } from '../../protocol/keys/key-pair.ts'
import type { PendingKey } from '../../protocol/methods/key.ts'
import { isMeant } from './principals.ts'

/** Keys that are remembered; beyond it the one that knocked longest ago is forgotten. */
export const MAX_KNOCKERS = 256

export class Knockers {
  readonly #keys = new Map<string, PendingKey>()
  #forgotten = 0

  /** How many had to make room for others, since the start. */
  get forgotten(): number {
    return this.#forgotten
  }

  get size(): number {
    return this.#keys.size
  }

  knocked(key: string, address: string, wallMs: number): void {
    const known = this.#keys.get(key)
    this.#keys.delete(key)
    this.#keys.set(key, {
      key,
      fingerprint: fingerprint(key),
      address: address.slice(0, 64),
      first_at: known?.first_at ?? wallMs,
      last_at: wallMs,
      knocks: (known?.knocks ?? 0) + 1,
    })
    if (this.#keys.size > MAX_KNOCKERS) this.#forgetOldest()
  }

  /** The one that knocked last comes first. */
  list(): PendingKey[] {
    return [...this.#keys.values()].reverse()
  }

  /** By a key, or by the beginning of its fingerprint. Throws UNKNOWN_KEY or AMBIGUOUS_KEY. */
  resolve(reference: string): PendingKey {
    const matching = this.list().filter(({ key }) => isMeant(key, reference))
    const [first] = matching
    if (!first) throw new ProtocolError('UNKNOWN_KEY', { key: reference })
    if (matching.length > 1) {
      throw new ProtocolError('AMBIGUOUS_KEY', { key: reference, count: matching.length })
    }
    return first
  }

  /** The key is known now. */
  admitted(key: string): void {
    this.#keys.delete(key)
  }

  #forgetOldest(): void {
    const [oldest] = this.#keys.keys()
    if (oldest === undefined) return
    this.#keys.delete(oldest)
    this.#forgotten += 1
  }
}
