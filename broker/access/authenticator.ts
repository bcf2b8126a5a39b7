/**
 * Who is at the other end of a connection. Over a network it is the owner of the key under which CURVE let the
 * connection in, who proves the same key once more within it (docs/protocol.md 2.15).
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { RandomBytes } from '../../protocol/ids.ts'
import type { KeyPair } from '../../protocol/keys/key-pair.ts'
import { isProof } from '../../protocol/keys/proof.ts'
import type { Identity, Verdict } from '../../protocol/link/broker-link.ts'
import type { HelloBody } from '../../protocol/messages/handshake.ts'
import type { Principals } from '../core/principals.ts'
import { granted, identityOf, LOCAL } from '../core/rights.ts'

const NONCE_BYTES = 32

export function authenticateLocal({ principal, role }: HelloBody): Verdict {
  if (principal === LOCAL || principal === '') {
    return { verdict: 'accept', identity: { principal: LOCAL, roles: granted(['admin'], role) } }
  }
  return { verdict: 'refuse', error: new ProtocolError('UNAUTHENTICATED', { principal }) }
}

export interface AuthenticatorPorts {
  /** Public key that the connection was let in under; undefined when it has forged its id. */
  readonly connectedAs: string | undefined
  readonly principals: Pick<Principals, 'ofKey' | 'statusOf'>
  /** Keys under which peers may have connected. */
  readonly keys: () => readonly KeyPair[]
  readonly random: RandomBytes
}

/** Asks for a proof of the key that HELLO names; whose key it is, the broker knows. */
export function authenticateRemote(hello: HelloBody, ports: AuthenticatorPorts): Verdict {
  const { principal, key } = hello
  if (key === undefined || key !== ports.connectedAs) {
    return { verdict: 'refuse', error: new ProtocolError('UNAUTHENTICATED', { principal }) }
  }
  if (ports.principals.statusOf(key) === 'revoked') {
    return { verdict: 'refuse', error: new ProtocolError('KEY_REVOKED', { key: 'of this peer' }) }
  }
  const nonce = ports.random(NONCE_BYTES)
  const verify = (mac: Buffer) => proven({ ...hello, key }, nonce, mac, ports)
  return { verdict: 'challenge', nonce, verify }
}

function proven(
  hello: HelloBody & { readonly key: string },
  nonce: Buffer,
  mac: Buffer,
  { principals, keys }: AuthenticatorPorts,
): Identity | ProtocolError {
  const { key, principal, role } = hello
  const record = principals.ofKey(key)
  const isNamed = principal === '' || principal === record?.principal
  const holds = (own: KeyPair) =>
    isProof(
      mac,
      { secretKey: own.secretKey, theirKey: key, brokerKey: own.publicKey },
      nonce,
      hello,
    )
  if (!record || !isNamed || !keys().some(holds)) {
    return new ProtocolError('UNAUTHENTICATED', { principal })
  }
  const roles = granted(record.roles, role)
  if (roles.length > 0) return { ...identityOf(record, roles), key }
  const details = { principal: record.principal, scope: role, method: 'HELLO' }
  return new ProtocolError('FORBIDDEN', details)
}
