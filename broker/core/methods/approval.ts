/** approval.list and approval.answer. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Params, Result } from '../../../protocol/methods/index.ts'
import { type Answer, type ApprovalRecord, approvalInfo, settledError } from '../approval-record.ts'
import { deliver } from '../approval-steps.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { Story } from '../lifecycle.ts'
import { visible } from '../visible.ts'

const DEFAULT_LIMIT = 100
/** A call that waits for news is answered this long before its caller gives up, ms. */
const MARGIN_MS = 200

export function approvalList(core: Core, call: Call<'approval.list'>): void {
  const { session, state, limit = DEFAULT_LIMIT, changed_since, wait_ms = 0 } = call.params
  const isFresh = changed_since === undefined
  const seen = visible(core, call)
  const query = seen.approvals({
    session: session === undefined ? undefined : seen.session(session).session,
    states: state ?? (isFresh ? ['pending' as const] : undefined),
    since: changed_since ?? 0,
    limit,
  })
  const page = core.approvals.page(query)
  const waitMs = Math.min(wait_ms, call.remainingMs() - MARGIN_MS)
  if (isFresh || page.approvals.length > 0 || waitMs <= 0) call.reply(page)
  else core.approvalWatch.wait({ call, query, until: core.clock.now() + waitMs })
}

/** Compare-and-set: only a question that is pending, on disk and in memory, takes an answer. */
export function approvalAnswer(core: Core, call: Call<'approval.answer'>): void {
  const seen = visible(core, call)
  const record = seen.approval(call.params.approval)
  if (!core.approvals.isWritten(record)) {
    // What is being written may fall back; whoever is told that another answer won must not be wrong.
    core.batch.add([], () => again(core, call))
    return
  }
  const { standing, session, approval } = record
  if (standing.kind !== 'pending') throw settledError(record, standing)
  const answer = answerOf(core, call, record)
  const owner = seen.session(session)
  const story = new Story(core, owner)
  const answered = story.settle(record, { kind: 'answered', answer })
  const told = (): Result<'approval.answer'> =>
    approvalInfo(core.approvals.get(session, approval) ?? answered)
  call.persist(
    story.operations(),
    () => {
      story.publish()
      deliver(core, session, approval, () => call.reply(told()))
    },
    approvalInfo(answered),
  )
}

function again(core: Core, call: Call<'approval.answer'>): void {
  if (call.isAbandoned()) {
    // Whoever gave up was told that it was not done, so it must not be.
    call.fail(new ProtocolError('CANCELLED'))
    return
  }
  try {
    approvalAnswer(core, call)
  } catch (thrown) {
    call.fail(ProtocolError.from(thrown, 'broker', 'unknown'))
  }
}

/** Throws INVALID_PARAMS for a decision that the agent did not offer. */
function answerOf(core: Core, call: Call<'approval.answer'>, record: ApprovalRecord): Answer {
  const { decision, message, interrupt }: Params<'approval.answer'> = call.params
  const invalid = (reason: string) =>
    new ProtocolError('INVALID_PARAMS', { method: call.method, reason })
  const { options } = record
  if (!options.includes(decision)) {
    throw invalid(`/decision must be one of ${options.join(', ')}`)
  }
  if (decision !== 'deny' && (message !== undefined || interrupt !== undefined)) {
    throw invalid('/message and /interrupt go with deny only')
  }
  return {
    outcome: decision,
    by: call.identity.principal,
    at: core.clock.wall(),
    ...(message !== undefined && { message }),
    ...(interrupt !== undefined && { interrupt }),
  }
}
