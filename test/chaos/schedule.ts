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

/** One fault. */
export interface Blow {
  readonly fault: FaultName
  /** It comes so long after the system was well, or after the first one of its round began, ms. */
  readonly afterMs: number
  /** [0, 1): which of the processes or lines. */
  readonly target: number
  /** [0, 1): how long, within what the fault allows. */
  readonly extent: number
}

export interface Round extends Blow {
  readonly number: number
  /** Comes while the first one lasts, or while the system recovers from it. */
  readonly second?: Blow
}

export interface Plan {
  readonly seed: number
  readonly rounds: number
  /** Default: all. */
  readonly faults?: readonly FaultName[]
  /** Share of the rounds that have a second fault, 0 to 1. */
  readonly doubles: number
}

/** The last moment of a fault after the one before, ms. */
const MOST_AFTER_MS = 250
const MOST_SECOND_AFTER_MS = 1000

export function schedule({ seed, rounds, faults = namesOfFaults(), doubles }: Plan): Round[] {
  const random = seededRandom(seed)
  const blow = (names: readonly FaultName[], mostAfterMs: number): Blow => ({
    fault: draw(random(), names),
    afterMs: Math.floor(random() * mostAfterMs),
    target: random(),
    extent: random(),
  })
  return Array.from({ length: rounds }, (_, index) => {
    const round = { number: index + 1, ...blow(faults, MOST_AFTER_MS) }
    const others = faults.filter((name) => victimOf(name) !== victimOf(round.fault))
    if (random() >= doubles || others.length === 0) return round
    return { ...round, second: blow(others, MOST_SECOND_AFTER_MS) }
  })
}

/** Two faults at a time have different victims: what one ends, the other could not start. */
function victimOf(name: FaultName): string {
  return name.slice(0, name.indexOf(' '))
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
