/** On whose behalf a workflow asks for something, and with which rights. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Identity } from '../../../protocol/link/broker-link.ts'
import { METHODS } from '../../../protocol/methods/index.ts'
import type { Core } from '../core.ts'
import { forbidden, identityOf, mayStill } from '../rights.ts'
import type { SessionRecord } from '../sessions.ts'
import { sightOf } from '../sight.ts'
import type { Parent } from '../sub-call.ts'
import { isRunning, type Run } from './run.ts'

/** What is asked for has as long as any request, unless it is said. */
const ASK_MS = 30_000

/**
 * For a step, with the rights that its owner has now: when the step does not run any more, nobody wants it.
 * Throws FORBIDDEN for an owner who might not ask for it any more.
 */
export function parentOf(core: Core, run: Run, step: string, remainingMs = ASK_MS): Parent {
  const { owner } = run.record
  const { scope, name: method } = METHODS['workflow.execute']
  if (!mayStill(core.principals.get(owner), scope)) throw forbidden(owner, scope, method)
  const isOver = (): boolean => !isRunning(run, step)
  const identity = identityNow(core, run)
  return { ...ownerOf(run, remainingMs), identity, isCancelled: isOver, isAbandoned: isOver }
}

/** The session that a step is at, while the owner has to do with it. Throws NO_SUCH_SESSION. */
export function sessionFor(core: Core, run: Run, session: string): SessionRecord {
  const record = core.sessions.get(session)
  if (record && sightOf(identityNow(core, run)).sees(record.owner)) return record
  throw new ProtocolError('NO_SUCH_SESSION', { session })
}

function identityNow({ principals }: Core, { record: { owner } }: Run): Identity {
  return identityOf(principals.get(owner) ?? { principal: owner, reach: 'all' }, [])
}

/** For what has to be done in any case. */
export function ownerOf({ record }: Run, remainingMs = ASK_MS): Parent {
  return {
    // It is about what its steps were given, when they were.
    identity: { principal: record.owner, roles: [] },
    connection: '',
    trace: record.trace,
    within: record.execution,
    remainingMs: () => remainingMs,
    isCancelled: () => false,
    isAbandoned: () => false,
  }
}
