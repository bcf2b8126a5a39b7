/**
 * CURVE key pairs (ZeroMQ RFC 26): X25519 keys, as Z85 texts. The same pair encrypts a connection and proves
 * who is at its other end. Does not read or write files.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from 'node:crypto'
import { ProtocolError } from '../errors.ts'
import type { RandomBytes } from '../ids.ts'
import { KEY_BYTES, keyBytes, z85Encode } from './z85.ts'

export interface KeyPair {
  /** Z85, 40 characters. */
  readonly publicKey: string
  /** Z85, 40 characters; never shown or logged. */
  readonly secretKey: string
}

// Raw keys within their DER envelopes (RFC 8410).
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')

export function newKeyPair(random: RandomBytes): KeyPair {
  return pairOf(random(KEY_BYTES))
}

function pairOf(secret: Buffer): KeyPair {
  return { publicKey: z85Encode(rawPublic(privateKey(secret))), secretKey: z85Encode(secret) }
}

/** The public key that belongs to a secret one. Throws BAD_CONFIG for a text that is no key. */
export function publicKeyOf(secretKey: string): string {
  return pairOf(requiredBytes(secretKey)).publicKey
}

/** Whether this is the text of a key that can be somebody's. */
export function isKey(text: string): boolean {
  return keyBytes(text) !== undefined && !isWeak(text)
}

const PROBE = z85Encode(Buffer.alloc(KEY_BYTES, 0x5a))

/** With the few points of low order everybody has the same secret, nothing but zeros; node refuses that. */
function isWeak(publicKey: string): boolean {
  try {
    sharedSecret(PROBE, publicKey)
    return false
  } catch {
    return true
  }
}

/** The secret that the owners of both pairs come to. Throws for a text that is no key, and for a weak key. */
export function sharedSecret(secretKey: string, theirPublicKey: string): Buffer {
  return diffieHellman({
    privateKey: privateKey(requiredBytes(secretKey)),
    publicKey: publicKey(requiredBytes(theirPublicKey)),
  })
}

/** What people compare: 80 bits of a hash, as `1a2b3-c4d5e-6f708-192a3`. */
export function fingerprint(publicKey: string): string {
  const hex = createHash('sha256').update(requiredBytes(publicKey)).digest('hex').slice(0, 20)
  return hex.replace(/(.{5})(?=.)/g, '$1-')
}

function requiredBytes(text: string): Buffer {
  const bytes = keyBytes(text)
  if (bytes) return bytes
  // Never with the text: it may be a secret one.
  const reason = 'this is no key: 40 characters of Z85 are expected'
  throw new ProtocolError('BAD_CONFIG', { source: 'key', reason })
}

function privateKey(raw: Buffer): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([PRIVATE_PREFIX, raw]),
    format: 'der',
    type: 'pkcs8',
  })
}

function publicKey(raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, raw]), format: 'der', type: 'spki' })
}

function rawPublic(key: KeyObject): Buffer {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return der.subarray(PUBLIC_PREFIX.length)
}
