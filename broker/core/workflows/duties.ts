/** What is left to do about the sessions of steps that have ended: stop them, or interrupt a turn. */
import type { ProtocolError } from '../../../protocol/errors.ts'
import type { Core } from '../core.ts'
import { sessionInterrupt, sessionStop } from '../methods/session-control.ts'
import type { SessionRecord } from '../sessions.ts'
import { subCall } from '../sub-call.ts'
import { ownerOf } from './asking.ts'
import type { Duty } from './record.ts'
import type { Run } from './run.ts'

/** Between two tries, ms: also when an interrupt has not ended the turn yet. */
const TRY_AGAIN_MS = 2000

export function tidyUp(core: Core, run: Run): void {
  const { duties } = run.record
  for (const duty of duties) observe(core, run, duty)
  const done = duties.filter((duty) => isDone(core, run, duty))
  if (done.length > 0) {
    for (const duty of done) run.waits.delete(keyOf(duty))
    const events = done.map(({ session, turn }) => ({ type: 'tidied', session, turn }) as const)
    core.workflows.change(run, events)
  }
  for (const duty of duties) if (!done.includes(duty)) attend(core, run, duty)
}

/** Notes since when its host is away: of one that is here, that it was here now. */
function observe(core: Core, run: Run, duty: Duty): void {
  const now = core.clock.now()
  const before = run.waits.get(keyOf(duty))
  const isLost = core.sessions.get(duty.session)?.status === 'lost'
  if (before && isLost) return
  run.waits.set(keyOf(duty), { since: now, nextAt: before?.nextAt ?? now })
}

function keyOf({ session, turn }: Duty): string {
  return `${session} ${turn}`
}

function isDone(core: Core, run: Run, duty: Duty): boolean {
  const record = core.sessions.get(duty.session)
  if (!record || record.status === 'ended' || record.status === 'failed') return true
  if (duty.kind === 'stop') return false
  if (!record.open.some(({ turn }) => turn === duty.turn)) return true
  return record.status === 'lost' && hasWaited(core, run, duty)
}

/** For a host that is away; a turn that it may still run is its own then. */
function hasWaited(core: Core, run: Run, duty: Duty): boolean {
  const now = core.clock.now()
  const { since } = run.waits.get(keyOf(duty)) ?? { since: now }
  return now - since >= core.workflows.limits.hostWaitMs
}

function attend(core: Core, run: Run, duty: Duty): void {
  const key = keyOf(duty)
  const now = core.clock.now()
  const { since, nextAt } = run.waits.get(key) ?? { since: now, nextAt: now }
  const record = core.sessions.get(duty.session)
  if (!record || run.asking.has(key) || now < nextAt) return
  run.waits.set(key, { since, nextAt: now + TRY_AGAIN_MS })
  if (duty.kind === 'interrupt' && !isItsTurn(record, duty)) return
  run.asking.add(key)
  const done = (error: ProtocolError | undefined): void => {
    run.asking.delete(key)
    core.workflows.wake(run)
    if (!error) return
    core.ports.log('workflow left a session as it is, for now', { session: duty.session, error })
  }
  const params = { session: duty.session }
  if (duty.kind === 'stop') {
    subCall(core, ownerOf(run), { method: 'session.stop', params }, sessionStop, done)
  } else {
    subCall(core, ownerOf(run), { method: 'session.interrupt', params }, sessionInterrupt, done)
  }
}

/** One that waits behind a turn of somebody else is interrupted when it is its turn. */
function isItsTurn({ open }: SessionRecord, { turn }: Duty): boolean {
  return open[0]?.turn === turn
}
