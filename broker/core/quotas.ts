/**
 * How much principals may ask of the broker: calls a second, calls and bytes under way, a share of its time.
 * Users of this machine may ask as much as they like. A gateway has an allowance of its own, and each user
 * that it acts for has theirs. Pure: the clock is passed in; what is under way, calls.ts counts.
 */
import { encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Identity } from '../../protocol/link/broker-link.ts'
import { Rate } from '../../protocol/link/rate.ts'
import type { LimitName } from './limit-names.ts'

export interface Quota {
  /** Calls in the long run, and twice as many at once after a rest; 0 = any number. */
  readonly callsPerSecond: number
  /** Of them, calls that change something, likewise. */
  readonly writesPerSecond: number
  /** Calls under way; 0 = any number. */
  readonly inFlight: number
  /** Bytes of their parameters; 0 = any number. */
  readonly inFlightBytes: number
  /** Share of the time of the broker, percent; 0 = all of it. */
  readonly timePercent: number
}

/** `local`: the users of this machine together; `gateway`: what it asks for itself and for all its users. */
export const QUOTA_KINDS = ['local', 'gateway', 'principal'] as const
export type QuotaKind = (typeof QUOTA_KINDS)[number]

export type QuotaLimits = Readonly<Record<QuotaKind, Quota>>

const UNLIMITED: Quota = {
  ...{ callsPerSecond: 0, writesPerSecond: 0, inFlight: 0, inFlightBytes: 0, timePercent: 0 },
}

export const QUOTA_LIMITS: QuotaLimits = {
  local: UNLIMITED, // whoever can open its socket can end the broker as well
  principal: {
    callsPerSecond: 2000, // a busy dashboard makes some tens
    writesPerSecond: 500, // a tenth of what a disk takes from everybody
    inFlight: 1024,
    inFlightBytes: 64 * 1024 * 1024, // a hundred long prompts
    timePercent: 50, // others get the other half, whatever one asks for
  },
  gateway: {
    callsPerSecond: 20_000, // ten busy users
    writesPerSecond: 2000,
    inFlight: 8192,
    inFlightBytes: 256 * 1024 * 1024,
    timePercent: 75,
  },
}

/** What may be done at once after a rest, in seconds of what may be done in the long run. */
const BURST = 2
/** Time that may be used at once after a rest, ms. */
const TIME_BURST_MS = 1000
/**
 * Whoever was refused so often that, at its rate, this would not be enough to come again does not heed what it
 * is told, ms: more than the 65,536 calls that an SDK has under way take.
 */
const ABUSE_MS = 40_000
/** Answers tell times of this grain, ms. */
const ANSWER_STEP_MS = 10
/** After this it may be asked again whether calls in flight have ended, ms. */
const RETRY_AFTER_MS = 100
/** Between looks for those that rest, ms. */
const SWEEP_MS = 10_000

/** What one principal has asked for lately. */
interface Spent {
  readonly calls: Rate
  readonly writes: Rate
  readonly time: Rate
  /** What it was told last: a flood is answered with the same bytes, which costs next to nothing. */
  refused: Refused | undefined
}

export interface Refused {
  readonly limit: LimitName
  readonly error: ProtocolError
  /** The same, as the body of ERROR. */
  readonly body: Buffer
  /** Its principal has not heeded such answers. */
  readonly isAbuse: boolean
}

/** What is under way for one principal. */
export interface Load {
  readonly calls: number
  readonly bytes: number
}

export class Quotas {
  readonly #limits: QuotaLimits
  readonly #onLimit: (name: LimitName) => void
  readonly #spent: Readonly<Record<QuotaKind, Map<string, Spent>>> = {
    ...{ local: new Map(), gateway: new Map(), principal: new Map() },
  }
  #sweepAt = 0

  constructor(limits: QuotaLimits, onLimit: (name: LimitName) => void) {
    this.#limits = limits
    this.#onLimit = onLimit
  }

  /** Principals that have asked lately. */
  get size(): number {
    return QUOTA_KINDS.reduce((sum, kind) => sum + this.#spent[kind].size, 0)
  }

  /** Counts one call. Why it may not be made now; undefined when it may. */
  take(identity: Identity, now: number): Refused | undefined {
    const kind = kindOf(identity)
    const spent = this.#spentOf(identity, kind)
    if (!spent) return undefined
    const retryAfterMs = spent.calls.take(now)
    if (retryAfterMs > 0) return this.#refused(identity, spent, 'calls_rate', retryAfterMs)
    const restMs = spent.time.waitMs(now)
    return restMs > 0 ? this.#refused(identity, spent, 'calls_time', restMs) : undefined
  }

  /** Counts a call that changes something, which costs the journal more than the call. */
  takeWrite(identity: Identity, now: number): Refused | undefined {
    const spent = this.#spentOf(identity, kindOf(identity))
    const retryAfterMs = spent?.writes.take(now) ?? 0
    if (!spent || retryAfterMs === 0) return undefined
    return this.#refused(identity, spent, 'writes_rate', retryAfterMs)
  }

  /** Working for it took this long. */
  worked(identity: Identity, ms: number, now: number): void {
    if (ms > 0) this.#spentOf(identity, kindOf(identity))?.time.spend(now, ms)
  }

  /** Why a principal may not have one more call under way; undefined when it may. */
  excess(identity: Identity, load: Load): ProtocolError | undefined {
    const { inFlight, inFlightBytes } = this.#limits[kindOf(identity)]
    const { principal } = identity
    const over = (what: string, limit: number | string) => {
      this.#onLimit('calls_in_flight')
      return overloaded(`the ${what} of ${principal}`, limit, RETRY_AFTER_MS)
    }
    if (inFlight > 0 && load.calls >= inFlight) return over('number of calls in flight', inFlight)
    if (inFlightBytes > 0 && load.bytes > inFlightBytes) {
      return over('memory for calls in flight', `${inFlightBytes} bytes`)
    }
    return undefined
  }

  tick(now: number): void {
    if (now < this.#sweepAt) return
    this.#sweepAt = now + SWEEP_MS
    for (const kind of QUOTA_KINDS) {
      for (const [principal, { calls, writes, time }] of this.#spent[kind]) {
        if (![calls, writes, time].every((rate) => rate.isRested(now))) continue
        this.#spent[kind].delete(principal)
      }
    }
  }

  #refused(identity: Identity, spent: Spent, limit: SpentLimit, waitMs: number): Refused {
    this.#onLimit(limit)
    const retryAfterMs = Math.ceil(waitMs / ANSWER_STEP_MS) * ANSWER_STEP_MS
    const known = spent.refused
    if (known?.limit === limit && known.error.retryAfterMs === retryAfterMs) return known
    const what = `the ${ALLOWANCES[limit]} of ${identity.principal}`
    const error = overloaded(what, this.#textOf(kindOf(identity), limit), retryAfterMs)
    const isAbuse = limit === 'calls_rate' && retryAfterMs > ABUSE_MS
    spent.refused = { limit, error, body: encode(error.toWire()), isAbuse }
    return spent.refused
  }

  #textOf(kind: QuotaKind, limit: SpentLimit): string {
    const { callsPerSecond, writesPerSecond, timePercent } = this.#limits[kind]
    switch (limit) {
      case 'calls_rate':
        return `${callsPerSecond} a second`
      case 'writes_rate':
        return `${writesPerSecond} a second`
      case 'calls_time':
        return `${timePercent} % of the time`
    }
  }

  /** Undefined for those that may ask as much as they like. */
  #spentOf({ principal }: Identity, kind: QuotaKind): Spent | undefined {
    const { callsPerSecond, writesPerSecond, timePercent } = this.#limits[kind]
    if (callsPerSecond === 0 && writesPerSecond === 0 && timePercent === 0) return undefined
    let spent = this.#spent[kind].get(principal)
    if (!spent) {
      spent = {
        calls: new Rate({ perSecond: callsPerSecond, burst: callsPerSecond * BURST }),
        writes: new Rate({ perSecond: writesPerSecond, burst: writesPerSecond * BURST }),
        // In ms of work.
        time: new Rate({ perSecond: timePercent * 10, burst: TIME_BURST_MS }),
        refused: undefined,
      }
      this.#spent[kind].set(principal, spent)
    }
    return spent
  }
}

type SpentLimit = keyof typeof ALLOWANCES

const ALLOWANCES = {
  calls_rate: 'allowance of calls',
  writes_rate: 'allowance of calls that change something',
  calls_time: 'allowance of working time',
} as const

function overloaded(what: string, limit: number | string, retryAfterMs: number): ProtocolError {
  return new ProtocolError('OVERLOADED', { what, limit }, { retryAfterMs })
}

/** Over the network everybody has a key, or comes by way of a gateway. */
function kindOf({ key, via, roles }: Identity): QuotaKind {
  if (key === undefined && via === undefined) return 'local'
  return key !== undefined && roles.includes('gateway') ? 'gateway' : 'principal'
}
