/** What the core asks of the doors around it: who is connected, and under which keys. */

import { ProtocolError } from '../../protocol/errors.ts'
import type { DoorInfo } from '../../protocol/methods/key.ts'

export type RotationStep = 'begin' | 'finish' | 'abandon'

export interface AccessPort {
  /** The door for other machines. */
  door(): DoorInfo
  connectionsOf(principal: string): number
  /** These keys of a principal are revoked: ends its connections that have them; says how many. */
  revoked(principal: string, keys: ReadonlySet<string>): number
  /** Its rights have changed: its connections have to shake hands again; their ids. */
  changed(principal: string): readonly string[]
  /** Rejects with WRONG_STEP or BAD_CONFIG. */
  rotate(step: RotationStep): Promise<DoorInfo>
}

/** Of a broker that no other machine can reach. */
export const NO_DOOR: DoorInfo = {
  endpoint: '',
  streams: '',
  advertised: '',
  key: '',
  fingerprint: '',
  next_key: '',
}

export const LOCAL_ACCESS: AccessPort = {
  door: () => NO_DOOR,
  connectionsOf: () => 0,
  revoked: () => 0,
  changed: () => [],
  rotate: () => {
    const reason = 'this broker listens to no network'
    return Promise.reject(new ProtocolError('WRONG_STEP', { reason }))
  },
}
