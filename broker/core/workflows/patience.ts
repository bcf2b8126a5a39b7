/** What to do when a step cannot go on: try again for a while, or fail. */
import type { ErrorCode, ProtocolError } from '../../../protocol/errors.ts'
import type { Core } from '../core.ts'
import type { WorkflowLimits } from './limits.ts'
import { isRunning, type Run, type Wait } from './run.ts'

/** Between two tries, ms; for a slot, which costs a look at every session, an eighth of what it has waited. */
const TRY_AGAIN_MS = 250
const MAX_TRY_AGAIN_MS = 5000

/** Which limit says how long an error is waited out; those of storage heal or do not, without a limit. */
type Patience = 'hostWaitMs' | 'slotWaitMs' | 'always'
const PATIENCE: Partial<Record<ErrorCode, Patience>> = {
  AT_CAPACITY: 'slotWaitMs',
  NO_HOST: 'hostWaitMs',
  NO_SUCH_HOST: 'hostWaitMs',
  NO_BACKEND: 'hostWaitMs',
  HOST_DRAINING: 'hostWaitMs',
  HOST_LOST: 'hostWaitMs',
  STORAGE_FULL: 'always',
  STORAGE_FAILED: 'always',
}

export function fail(core: Core, run: Run, step: string, error: ProtocolError): void {
  const { code, message } = error
  core.workflows.change(run, [{ type: 'failed', step, error: { code, message: short(message) } }])
}

/** Longest error message that is kept of a step, characters. */
const MAX_MESSAGE = 1024

function short(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)} …` : message
}

/** Notes that a step waits, and returns for how long it has waited for this, ms. */
export function wait(core: Core, run: Run, step: string, what: Patience): number {
  const now = core.clock.now()
  const before = run.waits.get(step)
  // Whoever refuses for want of a slot is there.
  const isAway = what === 'hostWaitMs'
  const since = isAway && before?.isAway === true ? before.since : now
  const slotSince = what === 'slotWaitMs' ? (before?.slotSince ?? now) : before?.slotSince
  const waited = now - (what === 'slotWaitMs' ? (slotSince ?? now) : since)
  const pauseMs =
    what === 'slotWaitMs'
      ? Math.min(Math.max(TRY_AGAIN_MS, waited / 8), MAX_TRY_AGAIN_MS)
      : TRY_AGAIN_MS
  const noted: Wait = {
    since,
    isAway,
    ...(slotSince !== undefined && { slotSince }),
    nextAt: now + pauseMs,
  }
  run.waits.set(step, noted)
  return waited
}

/** What a step asked for was not done. */
export function refused(core: Core, run: Run, step: string, error: ProtocolError): void {
  if (!isRunning(run, step)) return
  const what = PATIENCE[error.code]
  if (what === undefined || wait(core, run, step, what) >= patience(core.workflows.limits, what)) {
    fail(core, run, step, error)
  }
}

function patience(limits: WorkflowLimits, what: Patience): number {
  return what === 'always' ? Number.POSITIVE_INFINITY : limits[what]
}
