/**
 * How much principals may ask of the broker: calls a second, calls and bytes under way, a share of its time.
 * Users of this machine may ask as much as they like. A gateway has an allowance of its own, and each user
 * that it acts for has theirs. Pure: the clock is passed in; what is under way, calls.ts counts.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Identity } from '../../protocol/link/broker-link.ts'
import { Rate } from '../../protocol/link/rate.ts'
import type { LimitName } from './limit-names.ts'

export interface Quota {
  /** Calls in the long run; 0 = any number. */
  readonly callsPerSecond: number
  /** Calls at once, after a rest. */
  readonly burst: number
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
  ...{ callsPerSecond: 0, burst: 0, inFlight: 0, inFlightBytes: 0, timePercent: 0 },
}

export const QUOTA_LIMITS: QuotaLimits = {
  local: UNLIMITED, // whoever can open its socket can end the broker as well
  principal: {
    callsPerSecond: 2000, // a busy dashboard makes some tens
    burst: 4000,
    inFlight: 1024,
    inFlightBytes: 64 * 1024 * 1024, // a hundred long prompts
    timePercent: 50, // others get the other half, whatever one asks for
  },
  gateway: {
    callsPerSecond: 20_000, // ten busy users
    burst: 40_000,
    inFlight: 8192,
    inFlightBytes: 256 * 1024 * 1024,
    timePercent: 75,
  },
}

/** Time that may be used at once after a rest, ms. */
const TIME_BURST_MS = 1000
/**
 * Whoever was refused so often that, at its rate, this would not be enough to come again does not heed what it
 * is told, ms: more than the 65,536 calls that an SDK has under way take.
 */
const ABUSE_MS = 40_000
/** After this it may be asked again whether calls in flight have ended, ms. */
const RETRY_AFTER_MS = 100
/** Between looks for those that rest, ms. */
const SWEEP_MS = 10_000

interface Spent {
  readonly calls: Rate
  readonly time: Rate
}

export interface Refused {
  readonly error: ProtocolError
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
  readonly #spent = new Map<string, Spent>()
  #sweepAt = 0

  constructor(limits: QuotaLimits, onLimit: (name: LimitName) => void) {
    this.#limits = limits
    this.#onLimit = onLimit
  }

  /** Principals that have asked lately. */
  get size(): number {
    return this.#spent.size
  }

  /** Counts one call. Why it may not be made now; undefined when it may. */
  take(identity: Identity, now: number): Refused | undefined {
    const kind = kindOf(identity)
    const { callsPerSecond, timePercent } = this.#limits[kind]
    const spent = this.#spentOf(identity, kind)
    const retryAfterMs = spent?.calls.take(now) ?? 0
    if (retryAfterMs > 0) {
      const what = `the allowance of calls of ${identity.principal}`
      const limit = `${callsPerSecond} a second`
      const error = this.#over('calls_rate', { what, limit }, retryAfterMs)
      return { error, isAbuse: retryAfterMs > ABUSE_MS }
    }
    const restMs = spent?.time.waitMs(now) ?? 0
    if (restMs === 0) return undefined
    const what = `the allowance of working time of ${identity.principal}`
    const limit = `${timePercent} % of the time`
    return { error: this.#over('calls_time', { what, limit }, restMs), isAbuse: false }
  }

  /** Working for it took this long. */
  worked(identity: Identity, ms: number, now: number): void {
    if (ms > 0) this.#spentOf(identity, kindOf(identity))?.time.spend(now, ms)
  }

  /** Why a principal may not have one more call under way; undefined when it may. */
  excess(identity: Identity, load: Load): ProtocolError | undefined {
    const { inFlight, inFlightBytes } = this.#limits[kindOf(identity)]
    const { principal } = identity
    if (inFlight > 0 && load.calls >= inFlight) {
      const what = `the number of calls in flight of ${principal}`
      return this.#over('calls_in_flight', { what, limit: inFlight }, RETRY_AFTER_MS)
    }
    if (inFlightBytes > 0 && load.bytes > inFlightBytes) {
      const what = `the memory for calls in flight of ${principal}`
      return this.#over(
        'calls_in_flight',
        { what, limit: `${inFlightBytes} bytes` },
        RETRY_AFTER_MS,
      )
    }
    return undefined
  }

  tick(now: number): void {
    if (now < this.#sweepAt) return
    this.#sweepAt = now + SWEEP_MS
    for (const [principal, { calls, time }] of this.#spent) {
      if (calls.isRested(now) && time.isRested(now)) this.#spent.delete(principal)
    }
  }

  #over(
    name: LimitName,
    details: Readonly<Record<string, string | number>>,
    retryAfterMs: number,
  ): ProtocolError {
    this.#onLimit(name)
    return new ProtocolError('OVERLOADED', details, { retryAfterMs: Math.ceil(retryAfterMs) })
  }

  /** Undefined for those that may ask as much as they like. */
  #spentOf({ principal }: Identity, kind: QuotaKind): Spent | undefined {
    const { callsPerSecond, burst, timePercent } = this.#limits[kind]
    if (callsPerSecond === 0 && timePercent === 0) return undefined
    let spent = this.#spent.get(principal)
    if (!spent) {
      const perSecond = timePercent * 10 // ms of each second
      spent = {
        calls: new Rate({ perSecond: callsPerSecond, burst }),
        time: new Rate({ perSecond, burst: TIME_BURST_MS }),
      }
      this.#spent.set(principal, spent)
    }
    return spent
  }
}

/** Over the network everybody has a key, or comes by way of a gateway. */
function kindOf({ key, via, roles }: Identity): QuotaKind {
  if (key === undefined && via === undefined) return 'local'
  return key !== undefined && roles.includes('gateway') ? 'gateway' : 'principal'
}
