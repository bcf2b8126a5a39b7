/**
 * The key pairs of the broker, in its key file: the one under which it answers, and while it changes the
 * one that comes next. Does not touch sockets.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { RandomBytes } from '../../protocol/ids.ts'
import { type KeyPair, newKeyPair } from '../../protocol/keys/key-pair.ts'
import { ownKeys, readKeys, type StoredKeys, writeKeys } from '../../protocol/process/key-file.ts'

export class BrokerKeys {
  readonly #path: string
  readonly #random: RandomBytes
  #keys: StoredKeys
  /** Of before the last change: connections that were made under it are still there. */
  #previous: KeyPair | undefined

  /** Reads the file, or makes it. Throws BAD_CONFIG. */
  constructor(path: string, random: RandomBytes) {
    this.#path = path
    this.#random = random
    ownKeys(path, random)
    const keys = readKeys(path)
    if (!keys) throw new ProtocolError('BAD_CONFIG', { source: path, reason: 'is gone again' })
    this.#keys = keys
  }

  get current(): KeyPair {
    return this.#keys.current
  }

  get next(): KeyPair | undefined {
    return this.#keys.next
  }

  /** Under which peers may have connected. */
  get all(): readonly KeyPair[] {
    return this.#previous ? [this.current, this.#previous] : [this.current]
  }

  /** Throws WRONG_STEP or BAD_CONFIG. */
  begin(): void {
    if (this.next) throw wrong('a next key was begun already; finish or abandon it')
    this.#store({ current: this.current, next: newKeyPair(this.#random) })
  }

  /** Throws WRONG_STEP or BAD_CONFIG. */
  finish(): void {
    const next = this.#required()
    const previous = this.current
    this.#store({ current: next })
    this.#previous = previous
  }

  /** Throws WRONG_STEP or BAD_CONFIG. */
  abandon(): void {
    this.#required()
    this.#store({ current: this.current })
  }

  #required(): KeyPair {
    if (this.next) return this.next
    throw wrong('no next key was begun')
  }

  #store(keys: StoredKeys): void {
    writeKeys(this.#path, keys)
    this.#keys = keys
  }
}

function wrong(reason: string): ProtocolError {
  return new ProtocolError('WRONG_STEP', { reason })
}
