/** The own key of this machine towards a broker: where it is, and what others may know of it. */
import { randomBytes } from 'node:crypto'
import type { Environment, PlaceSettings } from '../../../protocol/endpoints.ts'
import { resolvePlaces } from '../../../protocol/endpoints.ts'
import { fingerprint } from '../../../protocol/keys/key-pair.ts'
import { ownKeys } from '../../../protocol/process/key-file.ts'
import { peerKeyPath } from '../../../protocol/process/peer-keys.ts'

export interface PublicKey {
  readonly key_file: string
  /** Public, Z85. */
  readonly key: string
  readonly fingerprint: string
}

/** The key of `client`, `shim` or `host-NAME` towards this place; made when it is missing. Throws BAD_CONFIG. */
export function ownPublicKey(env: Environment, settings: PlaceSettings, name: string): PublicKey {
  const places = resolvePlaces(env, settings)
  return publicKeyIn(peerKeyPath({ settings, places, name }))
}

/** Of the pair in a file, which is made when it is missing. Throws BAD_CONFIG. */
export function publicKeyIn(path: string): PublicKey {
  const { publicKey } = ownKeys(path, randomBytes)
  return { key_file: path, key: publicKey, fingerprint: fingerprint(publicKey) }
}
