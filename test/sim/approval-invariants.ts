/** What has to hold of the questions of agents once a run has become quiet. */
import { decodeTrusted } from '../../protocol/codec.ts'
import { CHUNK_CODES, type ChunkBody } from '../../protocol/messages/chunk.ts'
import type { World } from './world.ts'

/** What the streams tell of one question. */
interface Told {
  /** What was decided; a withdrawal decides nothing. */
  readonly decisions: string[]
  isSettled: boolean
}

export function checkApprovals(world: World): void {
  const told = toldOf(world)
  for (const [question, { decisions, isSettled }] of told) {
    world.violations.check(isSettled, () => `question ${question} was never settled`)
    world.violations.check(
      decisions.length <= 1,
      () => `question ${question} was decided ${decisions.join(' and ')}`,
    )
  }
  checkHeard(world, told)
  checkAcknowledged(world, told)
}

function toldOf({ ledger }: World): Map<string, Told> {
  const told = new Map<string, Told>()
  for (const session of ledger.streams.keys()) {
    for (const { type, body } of ledger.of(session)) {
      if (type === CHUNK_CODES.approval_request) {
        const { approval } = decodeTrusted(body) as ChunkBody<'approval_request'>
        told.set(approval, { decisions: [], isSettled: false })
      } else if (type === CHUNK_CODES.approval_settled) {
        const { approval, outcome } = decodeTrusted(body) as ChunkBody<'approval_settled'>
        const known = told.get(approval)
        if (!known) continue
        known.isSettled = true
        if (outcome !== 'withdrawn') known.decisions.push(outcome)
      }
    }
  }
  return told
}

/** The answer that an agent heard is the one in the journal. */
function checkHeard({ history, violations }: World, told: ReadonlyMap<string, Told>): void {
  for (const [question, decision] of history.heardAnswers) {
    const [written] = told.get(question)?.decisions ?? []
    violations.check(
      written === decision,
      () => `an agent heard ${decision} to ${question}, the journal has ${written}`,
    )
  }
}

/** An answer that was acknowledged is the one that was written, and its agent heard it if it lives. */
function checkAcknowledged(world: World, told: ReadonlyMap<string, Told>): void {
  const { broker, history, violations } = world
  for (const { method, params, result } of history.calls) {
    if (method !== 'approval.answer' || !result || !('approval' in params)) continue
    const { approval, decision } = params
    const [written] = told.get(approval)?.decisions ?? []
    violations.check(
      written === decision,
      () => `the answer ${decision} to ${approval} was acknowledged, the journal has ${written}`,
    )
  }
  const query = {
    sees: 'all' as const,
    session: undefined,
    states: undefined,
    since: 0,
    limit: 10_000,
  }
  for (const { approval, state } of broker?.core.approvals.page(query).approvals ?? []) {
    const agent = history.agents.find(({ pid }) => approval.startsWith(`q${pid}-`))
    violations.check(
      state !== 'pending' && state !== 'answered',
      () => `question ${approval} is still ${state}`,
    )
    violations.check(
      state !== 'applied' || agent?.alive !== true || history.heardAnswers.has(approval),
      () => `the answer to ${approval} was applied, and its agent did not hear it`,
    )
  }
}
