/** What happens to a question: asked, answered, given to the host, expired. Each step is on disk first. */
import type { Params } from '../../protocol/methods/index.ts'
import { type Answer, type ApprovalRecord, isOpen, saveApproval } from './approval-record.ts'
import type { Core } from './core.ts'
import { Story } from './lifecycle.ts'

/** Answers by the broker itself, for want of room or of time. */
export function answerForAll(core: Core, record: ApprovalRecord, answer: Answer): void {
  const { session, approval } = record
  const current = core.approvals.get(session, approval)
  const owner = core.sessions.get(session)
  if (!owner || current?.standing.kind !== 'pending') return
  const story = new Story(core, owner)
  story.settle(current, { kind: 'answered', answer })
  story.commit(
    `answer ${approval}`,
    () => answerForAll(core, record, answer),
    () => deliver(core, session, approval, () => {}),
  )
}

/**
 * Gives an answer that is on disk to the host. What the host has not confirmed stays `answered`, and is
 * given again when the host is back. `done` is called once, when no more is known for now.
 */
export function deliver(core: Core, session: string, approval: string, done: () => void): void {
  const record = core.approvals.get(session, approval)
  const host = core.hosts.get(core.sessions.get(session)?.host ?? '')
  if (!host || record?.standing.kind !== 'answered') {
    done()
    return
  }
  const { answer } = record.standing
  const params = answerParams(record, answer)
  core.hostCalls.request(host, { method: 'agent.answer', params }, (reply) => {
    if (!reply.ok) {
      core.ports.log('answer not delivered', { session, approval, error: reply.error.code })
      done()
    } else if (reply.result.applied) confirmed(core, session, approval, done)
    else tooLate(core, session, approval, done)
  })
}

function answerParams(
  { session, epoch, approval }: ApprovalRecord,
  { outcome, message, interrupt }: Answer,
): Params<'agent.answer'> {
  return {
    session,
    epoch,
    approval,
    decision: outcome === 'expired' ? 'deny' : outcome,
    ...(message !== undefined && { message }),
    ...(interrupt !== undefined && { interrupt }),
  }
}

/** The agent has it. */
function confirmed(core: Core, session: string, approval: string, done: () => void): void {
  const record = core.approvals.get(session, approval)
  if (record?.standing.kind !== 'answered' || !core.sessions.get(session)) {
    done()
    return
  }
  core.appends.flush() // changes that were made before this one are written before it
  const { answer } = record.standing
  const next = core.approvals.move(record, { kind: 'applied', answer })
  core.batch.add([saveApproval(next)], (error) => {
    if (!error) core.approvalWatch.written([next])
    else {
      core.redo.add(session, `confirm ${approval}`, () =>
        confirmed(core, session, approval, () => {}),
      )
    }
    done()
  })
}

/** The agent did not wait for it any more. */
function tooLate(core: Core, session: string, approval: string, done: () => void): void {
  const record = core.approvals.get(session, approval)
  const owner = core.sessions.get(session)
  if (owner && record?.standing.kind === 'answered') {
    const story = new Story(core, owner)
    const reason = 'the agent no longer waited for the answer'
    story.settle(record, { kind: 'withdrawn', reason, at: core.clock.wall() })
    story.commit(`withdraw ${approval}`, () => tooLate(core, session, approval, () => {}), done)
  } else done()
}

/** What is left of a session that is gone: nobody can answer it, so it must not wait. */
export function withdrawOrphans(core: Core, session: string): void {
  const orphans = core.approvals.of(session).filter(isOpen)
  if (orphans.length === 0) return
  const at = core.clock.wall()
  const standing = { kind: 'withdrawn', reason: 'its session is gone', at } as const
  const withdrawn = orphans.map((record) => core.approvals.move(record, standing))
  core.batch.add(withdrawn.map(saveApproval), (error) => {
    if (!error) core.approvalWatch.written(withdrawn)
    else core.redo.add(session, 'withdraw orphans', () => withdrawOrphans(core, session))
  })
}

/** What was answered while the host was away. What is not on disk yet is given by its own call. */
export function deliverMissed(core: Core, session: string): void {
  for (const record of core.approvals.of(session)) {
    if (record.standing.kind === 'answered' && core.approvals.isWritten(record)) {
      deliver(core, session, record.approval, () => {})
    }
  }
}

export function tickApprovals(core: Core, now: number): void {
  core.approvalWatch.tick(now)
  for (const record of core.approvals.overdue(now)) {
    const message = `Nobody answered within ${(record.expire_ms ?? 0) / 1000} s, so it was denied.`
    const answer = { outcome: 'expired', by: '', at: core.clock.wall(), message } as const
    answerForAll(core, record, answer)
  }
  const dropped = core.approvals.purge(core.wallForAges)
  if (dropped.length > 0) core.batch.add(dropped, () => {})
}
