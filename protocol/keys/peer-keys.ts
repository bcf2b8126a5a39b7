/** What a peer needs to reach a broker over a network: its own keys, and those of the broker. Pure. */
import type { HelloBody } from '../messages/handshake.ts'
import type { KeyPair } from './key-pair.ts'
import type { KeyRing } from './key-ring.ts'
import { proofOf } from './proof.ts'

export interface PeerKeys {
  readonly own: KeyPair
  /** Public keys of the broker. */
  readonly ring: KeyRing
}

export interface Credentials {
  /** Public key, Z85. */
  readonly key: string
  /** Answers CHALLENGE. */
  readonly prove: (nonce: Buffer, hello: HelloBody) => Buffer
}

export function credentialsOf({ own, ring }: PeerKeys): Credentials {
  return {
    key: own.publicKey,
    prove: (nonce, hello) => {
      const brokerKey = ring.proven
      const keys = { secretKey: own.secretKey, theirKey: brokerKey, brokerKey }
      return proofOf(keys, nonce, { ...hello, key: own.publicKey })
    },
  }
}

/** Options of a CURVE client socket (zeromq.js); none without keys. */
export function curveOptions(keys: PeerKeys | undefined) {
  if (!keys) return {}
  return {
    curveServerKey: keys.ring.current,
    curvePublicKey: keys.own.publicKey,
    curveSecretKey: keys.own.secretKey,
  }
}
