/** The two clocks of the broker; both are passed in. */
export interface Clock {
  /** Monotonic, ms: deadlines and intervals. Never jumps. */
  now(): number
  /** Wall clock, ms since 1970: what people and records see. May jump. */
  wall(): number
}

/**
 * Milliseconds since 1970 for ages: what the wall clock said at the start, and what has passed since, so
 * that it never jumps while the broker runs. Begins at `atLeast`, in case the wall clock went back while it
 * did not run: what was written then would otherwise be of the future.
 */
export function ageClock(clock: Clock, atLeast: number): () => number {
  const offset = Math.max(clock.wall(), atLeast) - clock.now()
  return () => clock.now() + offset
}
