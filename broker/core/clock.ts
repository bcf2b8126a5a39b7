/** The two clocks of the broker; both are passed in. */
export interface Clock {
  /** Monotonic, ms: deadlines and intervals. Never jumps. */
  now(): number
  /** Wall clock, ms since 1970: what people and records see. May jump. */
  wall(): number
}
