/**
 * Keys that knock at the door of the network and are not known, for an operator to look at. Bounded, and half
 * of the room is for those that have knocked for a while, so that a flood of fresh keys does not push out one
 * that waits for an operator, and those that wait leave room for one that is new.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { RandomBytes } from '../../protocol/ids.ts'
import { fingerprint } from '../../protocol/keys/key-pair.ts'
import type { PendingKey } from '../../protocol/methods/key.ts'
import { isMeant } from './principals.ts'

/** Keys that are remembered. */
export const MAX_KNOCKERS = 256
/** Of them, those that knock from one address. */
export const MAX_KNOCKERS_OF_ADDRESS = 16
/** Of them, those that have knocked for less than this, ms; peers knock about every half second. */
const MAX_FRESH = 128
const FRESH_MS = 5000

export class Knockers {
  readonly #random: RandomBytes
  readonly #keys = new Map<string, PendingKey>()
  /** By the network that they come from. */
  readonly #byNetwork = new Map<string, Set<string>>()
  #forgotten = 0

  constructor(random: RandomBytes) {
    this.#random = random
  }

  /** How many had to make room for others, since the start. */
  get forgotten(): number {
    return this.#forgotten
  }

  get size(): number {
    return this.#keys.size
  }

  /** Whether it is one that was not known to knock. */
  knocked(key: string, address: string, wallMs: number): boolean {
    const known = this.#keys.get(key)
    this.#drop(key)
    this.#keep({
      key,
      fingerprint: known?.fingerprint ?? fingerprint(key),
      address: address.slice(0, 64),
      first_at: known?.first_at ?? wallMs,
      last_at: wallMs,
      knocks: (known?.knocks ?? 0) + 1,
    })
    const neighbours = this.#byNetwork.get(networkOf(address)) ?? new Set()
    if (neighbours.size > MAX_KNOCKERS_OF_ADDRESS) this.#forget(this.#shortest(neighbours))
    if (this.#keys.size > MAX_KNOCKERS) this.#forget(this.#surplus())
    return known === undefined
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
    this.#drop(key)
  }

  #keep(pending: PendingKey): void {
    const network = networkOf(pending.address)
    this.#keys.set(pending.key, pending)
    this.#byNetwork.set(network, (this.#byNetwork.get(network) ?? new Set()).add(pending.key))
  }

  #drop(key: string): void {
    const pending = this.#keys.get(key)
    if (!pending) return
    const network = networkOf(pending.address)
    const neighbours = this.#byNetwork.get(network)
    this.#keys.delete(key)
    neighbours?.delete(key)
    if (neighbours?.size === 0) this.#byNetwork.delete(network)
  }

  #forget(pending: PendingKey | undefined): void {
    if (!pending) return
    this.#drop(pending.key)
    this.#forgotten += 1
  }

  /** The one that has knocked for the shortest time; of several the one that was heard longest ago. */
  #shortest(keys: Iterable<string>): PendingKey | undefined {
    let shortest: PendingKey | undefined
    for (const key of keys) {
      const pending = this.#keys.get(key)
      if (pending && (!shortest || knockedFor(pending) < knockedFor(shortest))) shortest = pending
    }
    return shortest
  }

  /** Any one of the kind of which there are too many: by a rule a flood could choose whom it pushes out. */
  #surplus(): PendingKey | undefined {
    const all = [...this.#keys.values()]
    const fresh = all.filter(isFresh)
    const kind = fresh.length > MAX_FRESH ? fresh : all.filter((pending) => !isFresh(pending))
    return kind[this.#random(4).readUInt32BE() % kind.length]
  }
}

function isFresh(pending: PendingKey): boolean {
  return knockedFor(pending) < FRESH_MS
}

function knockedFor({ first_at, last_at }: PendingKey): number {
  return last_at - first_at
}

/** Whoever has one address of version 6 has all those that begin alike. */
function networkOf(address: string): string {
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address
}
