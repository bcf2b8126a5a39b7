/** What the broker holds and waits for at most, for all executions. */
export interface WorkflowLimits {
  /** Executions that have not ended. */
  readonly maxRunning: number
  /** Executions that have ended and are kept; beyond it the oldest go. */
  readonly maxEnded: number
  /** Executions that ended this long ago are removed, ms. */
  readonly endedAgeMs: number
  /** A step whose host is away waits this long for it, ms. */
  readonly hostWaitMs: number
  /** A step for which no host has a free slot waits this long for one, ms. */
  readonly slotWaitMs: number
  /** Sessions that one step may ask for, when those before came to nothing with a host or a broker. */
  readonly maxStarts: number
}

const MINUTE_MS = 60_000

export const WORKFLOW_LIMITS: WorkflowLimits = {
  maxRunning: 256, // of 64 steps each
  maxEnded: 1000, // about 10 KB of memory each
  endedAgeMs: 7 * 24 * 60 * MINUTE_MS,
  hostWaitMs: 10_000, // as long as readers wait after a restart until they are told
  slotWaitMs: 10 * MINUTE_MS, // the turns of other sessions may be long
  maxStarts: 3,
}
