/** Which fault comes when: a pure function of the seed, so that a run can be repeated. */
import { seededRandom } from '../support/virtual-clock.ts'

/** Faults with their weights: cheap ones come more often. */
export const FAULTS = {
  'broker kill': 12,
  'broker restart': 5,
  'broker short stop': 4,
  'broker long stop': 2,
  'host kill': 5,
  'host restart': 3,
  'host short stop': 4,
  'host long stop': 2,
  'agent kill': 10,
  'agent end': 4,
  'agent stop': 5,
  'client kill': 10,
  'client restart': 4,
  'client short stop': 4,
  'client long stop': 2,
  'net cut': 10,
  'net delay': 4,
  'net short hold': 4,
  'net long hold': 2,
  'net half-open': 4,
  'net refuse': 4,
} as const

export type FaultName = keyof typeof FAULTS

export interface Round {
  readonly number: number
  readonly fault: FaultName
  /** The fault comes so long after the system was well, ms. */
  readonly afterMs: number
  /** [0, 1): which of the processes or lines. */
  readonly target: number
  /** [0, 1): how long, within what the fault allows. */
  readonly extent: number
}

const MOST_AFTER_MS = 250

export function schedule(
  seed: number,
  rounds: number,
  names: readonly FaultName[] = namesOfFaults(),
): Round[] {
  const random = seededRandom(seed)
  return Array.from({ length: rounds }, (_, index) => ({
    number: index + 1,
    fault: draw(random(), names),
    afterMs: Math.floor(random() * MOST_AFTER_MS),
    target: random(),
    extent: random(),
  }))
}

export function namesOfFaults(): FaultName[] {
  return Object.keys(FAULTS) as FaultName[]
}

function draw(dice: number, names: readonly FaultName[]): FaultName {
  const total = names.reduce((sum, name) => sum + FAULTS[name], 0)
  let left = dice * total
  for (const name of names) {
    left -= FAULTS[name]
    if (left < 0) return name
  }
  return names[0] ?? 'broker kill'
}
