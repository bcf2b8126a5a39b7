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
  /** Ends a connection that does not keep to what it was told, and ignores it for a while. */
  banish(connection: string, error: ProtocolError): void
  /** Its rights have changed: its connections have to shake hands again. */
  changed(principal: string): void
  /** Whoever has this key was told the next key of the broker. */
  toldNext(key: string): boolean
  /** Tells the door as it is then, or WRONG_STEP or BAD_CONFIG; once, now or later. */
  rotate(step: RotationStep, done: (outcome: DoorInfo | ProtocolError) => void): void
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
  banish: () => {},
  changed: () => {},
  toldNext: () => false,
  rotate: (_step, done) => {
    const reason = 'this broker listens to no network'
    done(new ProtocolError('WRONG_STEP', { reason }))
  },
}
