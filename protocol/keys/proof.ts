/**
 * The proof of a principal (docs/protocol.md 2.15): an HMAC under a key that only the owner of the
 * peer's secret key and the broker can derive, over the broker's nonce and what HELLO claimed.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { sharedSecret } from './key-pair.ts'
import { keyBytes } from './z85.ts'

const INFO = 'agentmq proof 1'
const MAC_BYTES = 32

/** What is proven: a peer that was talked into another role or version has no valid proof. */
export interface Claim {
  readonly major: number
  readonly minor: number
  readonly role: string
  readonly principal: string
  /** Public key of the peer, Z85. */
  readonly key: string
}

export interface ProofKeys {
  /** Own secret key, Z85. */
  readonly secretKey: string
  /** Public key of the other side, Z85. */
  readonly theirKey: string
  /** Public key of the broker, Z85. */
  readonly brokerKey: string
}

/** 32 bytes. */
export function proofOf(keys: ProofKeys, nonce: Buffer, claim: Claim): Buffer {
  const salt = Buffer.concat([rawKey(keys.brokerKey), rawKey(claim.key)])
  const shared = sharedSecret(keys.secretKey, keys.theirKey)
  const key = Buffer.from(hkdfSync('sha256', shared, salt, INFO, MAC_BYTES))
  return createHmac('sha256', key).update(statement(nonce, claim)).digest()
}

export function isProof(mac: Buffer, keys: ProofKeys, nonce: Buffer, claim: Claim): boolean {
  const expected = expectedProof(keys, nonce, claim)
  return mac.length === expected?.length && timingSafeEqual(mac, expected)
}

/** Undefined for a weak key, which leaves no secret to prove. */
function expectedProof(keys: ProofKeys, nonce: Buffer, claim: Claim): Buffer | undefined {
  try {
    return proofOf(keys, nonce, claim)
  } catch {
    return undefined
  }
}

/** Each part with its length before it, so that no two statements have the same bytes. */
function statement(nonce: Buffer, { major, minor, role, principal }: Claim): Buffer {
  const version = Buffer.alloc(8)
  version.writeUInt32BE(major, 0)
  version.writeUInt32BE(minor, 4)
  return Buffer.concat([nonce, version, Buffer.from(role), Buffer.from(principal)].flatMap(sized))
}

function sized(part: Buffer): Buffer[] {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(part.length)
  return [length, part]
}

function rawKey(text: string): Buffer {
  return keyBytes(text) ?? Buffer.alloc(0)
}
