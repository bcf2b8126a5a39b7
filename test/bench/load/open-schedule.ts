/**
 * When the messages of an open load are due. They are due whether or not earlier ones were answered, and
 * latency counts from then on: a system that stands still makes all that was due meanwhile late, as it
 * would for users who do not know of each other. Pure.
 */

export interface OpenLoad {
  readonly perSecond: number
  readonly count: number
  /** Gives [0, 1). */
  readonly random: () => number
}

/** Milliseconds from the start, rising. The gaps are distributed as those of independent arrivals. */
export function openSchedule({ perSecond, count, random }: OpenLoad): Float64Array {
  const meanMs = 1000 / perSecond
  const due = new Float64Array(count)
  let at = 0
  for (let index = 0; index < count; index += 1) {
    at += -Math.log(1 - random()) * meanMs
    due[index] = at
  }
  return due
}

/** How many of `due` have come by `nowMs`, of which `done` are known to have. */
export function dueBy(due: Float64Array, done: number, nowMs: number): number {
  let count = done
  while (count < due.length && (due[count] ?? 0) <= nowMs) count += 1
  return count
}
