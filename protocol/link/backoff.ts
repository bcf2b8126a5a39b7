/** Full-jitter back-off: a random delay below a bound that doubles (so that peers do not return as one). */

export interface BackoffLimits {
  readonly firstMs: number
  readonly maxMs: number
}

/** Delay before the given attempt (1, 2, 3 …), ms. `random` gives [0, 1). */
export function backoffMs(attempt: number, limits: BackoffLimits, random: () => number): number {
  const bound = Math.min(limits.maxMs, limits.firstMs * 2 ** Math.min(attempt - 1, 30))
  return Math.round(bound * random())
}
