/**
 * The ids of the connections of the network. ZeroMQ lets a peer choose its own and, against a peer that
 * chooses the next one that ROUTER would make, ends the process; so the ZAP handler names each connection that
 * it lets in. The name says under which key it came, sealed, so that nothing needs to be remembered.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { RandomBytes } from '../../protocol/ids.ts'
import { KEY_BYTES, keyBytes, z85Encode } from '../../protocol/keys/z85.ts'

/** Never zero, which is how ids that ROUTER makes begin. */
const FIRST = 0x6b
const NONCE_BYTES = 12
const SEAL_BYTES = 16
const SEALED_BYTES = 1 + NONCE_BYTES + KEY_BYTES
const ID_BYTES = SEALED_BYTES + SEAL_BYTES

export class ConnectionIds {
  readonly #random: RandomBytes
  /** Of this run: no connection outlives it. */
  readonly #secret: Buffer

  constructor(random: RandomBytes) {
    this.#random = random
    this.#secret = random(32)
  }

  /** A new id for a connection under this public key. */
  issue(key: string): Buffer {
    const named = keyBytes(key) ?? Buffer.alloc(KEY_BYTES)
    const sealed = Buffer.concat([Buffer.of(FIRST), this.#random(NONCE_BYTES), named])
    return Buffer.concat([sealed, this.#seal(sealed)])
  }

  /** The public key of a connection; undefined when its id was not made here. */
  keyOf(id: Buffer): string | undefined {
    if (id.length !== ID_BYTES) return undefined
    const sealed = id.subarray(0, SEALED_BYTES)
    if (!timingSafeEqual(this.#seal(sealed), id.subarray(SEALED_BYTES))) return undefined
    return z85Encode(sealed.subarray(1 + NONCE_BYTES))
  }

  #seal(sealed: Buffer): Buffer {
    return createHmac('sha256', this.#secret).update(sealed).digest().subarray(0, SEAL_BYTES)
  }
}
