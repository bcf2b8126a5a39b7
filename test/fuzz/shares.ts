/** How many of the cases of a run each target gets: fast ones more, slow ones enough. */
import type { TargetName } from './targets/index.ts'

const SHARES: Readonly<Record<TargetName, number>> = {
  bundle: 20,
  codec: 15,
  'broker-link': 12,
  'peer-link': 6,
  core: 7,
  peers: 4,
  journal: 9,
  children: 4,
  'shim-json': 6,
  'shim-rpc': 5,
  'shim-rep': 5,
  'shim-wire': 5,
  zmtp: 3,
  dealer: 3,
}

/** The cases of each of these targets, of so many in all. */
export function divide(cases: number, targets: readonly TargetName[]): Map<TargetName, number> {
  const all = targets.reduce((sum, target) => sum + SHARES[target], 0)
  return new Map(targets.map((target) => [target, Math.ceil((cases * SHARES[target]) / all)]))
}
