/** Golden proofs: keys, nonces and claims, and the mac that comes of them (docs/protocol.md 2.14). */
import { createHash } from 'node:crypto'
import { fingerprint, newKeyPair, sharedSecret } from '../../protocol/keys/key-pair.ts'
import { type Claim, proofOf } from '../../protocol/keys/proof.ts'
import { keyBytes } from '../../protocol/keys/z85.ts'

interface Keys {
  /** Z85. */
  readonly public: string
  readonly secret: string
  /** Hex of the 32 bytes behind `public`. */
  readonly public_bytes: string
  readonly fingerprint: string
}

export interface Proof {
  readonly name: string
  readonly broker: Keys
  readonly peer: Keys
  /** Hex. */
  readonly nonce: string
  readonly hello: Omit<Claim, 'key'>
  /** Hex of X25519, the same from both sides. */
  readonly shared: string
  /** Hex. */
  readonly mac: string
}

/** Always the same keys, and nobody's. */
function keysFrom(seed: string): Keys {
  const { publicKey, secretKey } = newKeyPair(() => createHash('sha256').update(seed).digest())
  return {
    public: publicKey,
    secret: secretKey,
    public_bytes: (keyBytes(publicKey) ?? Buffer.alloc(0)).toString('hex'),
    fingerprint: fingerprint(publicKey),
  }
}

const BROKER = keysFrom('agentmq golden broker')
const PEER = keysFrom('agentmq golden peer')
const NONCE = createHash('sha256').update('agentmq golden nonce').digest()

function proof(
  name: string,
  given: Partial<Omit<Claim, 'key'>>,
  [broker, peer, nonce]: readonly [Keys, Keys, Buffer] = [BROKER, PEER, NONCE],
): Proof {
  const hello = { major: 1, minor: 0, role: 'operator', principal: '', ...given }
  const keys = { secretKey: peer.secret, theirKey: broker.public, brokerKey: broker.public }
  const mac = proofOf(keys, nonce, { ...hello, key: peer.public })
  return {
    ...{ name, broker, peer, hello },
    nonce: nonce.toString('hex'),
    shared: sharedSecret(peer.secret, broker.public).toString('hex'),
    mac: mac.toString('hex'),
  }
}

export const PROOFS: readonly Proof[] = [
  proof('whoever owns the key', {}),
  proof('a named principal', { principal: 'anna' }),
  proof('another role', { role: 'host' }),
  proof('another version', { minor: 7 }),
  proof('the end of one part is not the beginning of the next', { role: 'hos', principal: 't' }),
  proof('a name beyond ASCII counts in bytes', { principal: 'żółw' }),
  proof('another nonce', {}, [BROKER, PEER, Buffer.alloc(32)]),
  proof('another peer', {}, [BROKER, keysFrom('agentmq golden other peer'), NONCE]),
  proof('another broker', {}, [keysFrom('agentmq golden next broker'), PEER, NONCE]),
]
