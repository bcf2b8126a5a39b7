/** The table of targets, by name. */
import type { Target } from '../target.ts'
import { brokerLinkTarget } from './broker-link.ts'
import { bundleTarget } from './bundle.ts'
import { childrenTarget } from './children.ts'
import { codecTarget } from './codec.ts'
import { coreTarget } from './core.ts'
import { dealerTarget } from './dealer.ts'
import { journalTarget } from './journal.ts'
import { peerLinkTarget } from './peer-link.ts'
import { peersTarget } from './peers.ts'
import { shimJsonTarget } from './shim-json.ts'
import { shimRepTarget } from './shim-rep.ts'
import { shimRpcTarget } from './shim-rpc.ts'
import { shimWireTarget } from './shim-wire.ts'
import { zmtpTarget } from './zmtp.ts'

/** The same seed makes the same target. */
export type MakeTarget = (seed: number) => Target | Promise<Target>

/** The slowest first, so that a run does not end with it alone. */
export const TARGETS = {
  core: coreTarget,
  bundle: bundleTarget,
  codec: codecTarget,
  'broker-link': brokerLinkTarget,
  'peer-link': peerLinkTarget,
  peers: peersTarget,
  journal: journalTarget,
  children: childrenTarget,
  'shim-json': shimJsonTarget,
  'shim-rpc': shimRpcTarget,
  'shim-rep': shimRepTarget,
  'shim-wire': shimWireTarget,
  zmtp: zmtpTarget,
  dealer: dealerTarget,
} as const satisfies Readonly<Record<string, MakeTarget>>

export type TargetName = keyof typeof TARGETS

export function isTarget(name: string): name is TargetName {
  return Object.hasOwn(TARGETS, name)
}

export function makeTarget(name: TargetName, seed: number): Target | Promise<Target> {
  const make: MakeTarget = TARGETS[name]
  return make(seed)
}
