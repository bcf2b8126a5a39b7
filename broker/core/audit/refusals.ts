/**
 * Requests that were refused before anything was done, so that a flood of them fills neither the disk nor the
 * log: the first of a kind is recorded as it is, and those that follow within a window are counted and
 * recorded as one. A kind is a principal, a method and a code.
 */
import { SEVERAL } from '../../../protocol/messages/audit.ts'
import type { Entry } from './entry.ts'

export interface RefusalLimits {
  /** How long refusals of a kind are gathered, ms. */
  readonly windowMs: number
  /** Kinds of one principal at a time; what comes on top is counted without its method and code. */
  readonly maxKinds: number
  /** Principals at a time; those on top are counted together, without their name. */
  readonly maxPrincipals: number
}

export const REFUSAL_LIMITS: RefusalLimits = {
  windowMs: 60_000, // two records a minute and kind: an attack of a day is 3,000 records
  maxKinds: 32, // more than a program that is merely wrong shows
  maxPrincipals: 256,
}

/** Refusals of a kind, from the first one to the end of the window. */
interface Window {
  readonly kind: Pick<Entry, 'principal' | 'method' | 'outcome' | 'executed'>
  /** Monotonic, ms. */
  readonly endsAt: number
  /** Of those that no record tells of yet. */
  count: number
  /** When the first of these came, ms since 1970. */
  since: number
}

export class Refusals {
  readonly #limits: RefusalLimits
  readonly #byPrincipal = new Map<string, Map<string, Window>>()
  #counted = 0

  constructor(limits: RefusalLimits = REFUSAL_LIMITS) {
    this.#limits = limits
  }

  /** Refusals since the start that have no record of their own. */
  get counted(): number {
    return this.#counted
  }

  /** Whether it is to be recorded at once; otherwise it was counted. */
  isFirst(entry: Entry, { now, wall }: { readonly now: number; readonly wall: number }): boolean {
    const { principal, method, outcome, executed } = entry
    const kinds = this.#byPrincipal.get(principal)
    const known = kinds?.get(`${method} ${outcome}`)
    if (known) {
      this.#count(known, wall)
      return false
    }
    const endsAt = now + this.#limits.windowMs
    if (!kinds && this.#byPrincipal.size >= this.#limits.maxPrincipals) {
      this.#countAs({ principal: SEVERAL, ...ANY }, endsAt, wall)
      return false
    }
    if (kinds && kinds.size >= this.#limits.maxKinds) {
      this.#countAs({ principal, ...ANY }, endsAt, wall)
      return false
    }
    this.#open({ principal, method, outcome, executed }, endsAt)
    return true
  }

  /** What was counted in windows that are over. */
  due(now: number): Entry[] {
    return this.#take(({ endsAt }) => endsAt <= now)
  }

  /** What was counted so far. */
  all(): Entry[] {
    return this.#take(() => true)
  }

  #countAs(kind: Window['kind'], endsAt: number, wall: number): void {
    const { principal, method, outcome } = kind
    const open = this.#byPrincipal.get(principal)?.get(`${method} ${outcome}`)
    this.#count(open ?? this.#open(kind, endsAt), wall)
  }

  #open(kind: Window['kind'], endsAt: number): Window {
    const { principal, method, outcome } = kind
    const kinds = this.#byPrincipal.get(principal) ?? new Map<string, Window>()
    const window: Window = { kind, endsAt, count: 0, since: 0 }
    this.#byPrincipal.set(principal, kinds.set(`${method} ${outcome}`, window))
    return window
  }

  #count(window: Window, wall: number): void {
    if (window.count === 0) window.since = wall
    window.count += 1
    this.#counted += 1
  }

  #take(isOver: (window: Window) => boolean): Entry[] {
    const entries: Entry[] = []
    for (const [principal, kinds] of this.#byPrincipal) {
      for (const [name, window] of kinds) {
        if (!isOver(window)) continue
        kinds.delete(name)
        const { kind, count, since } = window
        if (count > 0) entries.push({ ...kind, count, since })
      }
      if (kinds.size === 0) this.#byPrincipal.delete(principal)
    }
    return entries
  }
}

const ANY = { method: SEVERAL, outcome: SEVERAL, executed: 'no' } as const
