/**
 * How much of a table each principal takes up, so that no one fills it: a principal gets a share, all of them
 * together leave some for the users of this machine, who may have what there is.
 */
import { LOCAL } from './rights.ts'

/** Share of a table that one principal may have, percent. */
export const SHARE_PERCENT = 25
/** What all of them may have together, percent. */
const ALL_PERCENT = 75

export interface ShareRule {
  readonly percent: number
  /** A share was used up. */
  readonly onLimit: () => void
}

/** Where everybody may have all of it. */
export const NO_SHARES: ShareRule = { percent: 100, onLimit: () => {} }

export interface Taken {
  readonly records: number
  readonly bytes: number
}

const NOTHING: Taken = { records: 0, bytes: 0 }

export class Shares {
  readonly #rule: ShareRule
  readonly #taken = new Map<string, Taken>()
  /** By all principals but the users of this machine. */
  #all: Taken = NOTHING

  constructor(rule: ShareRule) {
    this.#rule = rule
  }

  of(owner: string): Taken {
    return this.#taken.get(owner) ?? NOTHING
  }

  clear(): void {
    this.#taken.clear()
    this.#all = NOTHING
  }

  add(owner: string, { records, bytes }: Taken): void {
    const taken = plus(this.of(owner), { records, bytes })
    if (taken.records === 0 && taken.bytes === 0) this.#taken.delete(owner)
    else this.#taken.set(owner, taken)
    if (owner !== LOCAL) this.#all = plus(this.#all, { records, bytes })
  }

  remove(owner: string, { records, bytes }: Taken): void {
    this.add(owner, { records: -records, bytes: -bytes })
  }

  /** Whether so much more is too much for this owner, of a table that holds `most`. */
  isOver(owner: string, more: Taken, most: Taken): boolean {
    if (owner === LOCAL || this.#rule.percent === 100) return false
    const { percent } = this.#rule
    const isOver =
      exceeds(plus(this.of(owner), more), more, part(most, percent)) ||
      exceeds(plus(this.#all, more), more, part(most, Math.max(percent, ALL_PERCENT)))
    if (isOver) this.#rule.onLimit()
    return isOver
  }

  /** What one principal may have of a table that holds `most`. */
  limitOf(most: Taken): Taken {
    return part(most, this.#rule.percent)
  }
}

/** What does not grow is never too much. */
function exceeds(taken: Taken, more: Taken, most: Taken): boolean {
  const { records, bytes } = more
  return (records > 0 && taken.records > most.records) || (bytes > 0 && taken.bytes > most.bytes)
}

function plus(a: Taken, b: Taken): Taken {
  return { records: a.records + b.records, bytes: a.bytes + b.bytes }
}

/** At least one, or nobody could have anything. */
function part({ records, bytes }: Taken, percent: number): Taken {
  const share = (all: number) => Math.max(1, Math.floor((all * percent) / 100))
  return { records: share(records), bytes: share(bytes) }
}

/** The most that each may keep, so that all keep no more than `limit` and whoever has less loses nothing. */
export function fairShare(sizes: readonly number[], limit: number): number {
  let left = limit
  const rising = [...sizes].sort((a, b) => a - b)
  for (const [index, size] of rising.entries()) {
    const share = Math.floor(left / (rising.length - index))
    if (size > share) return share
    left -= size
  }
  return Number.POSITIVE_INFINITY
}
