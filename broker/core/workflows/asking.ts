/** On whose behalf a workflow asks for something. */
import type { Parent } from '../sub-call.ts'
import { isRunning, type Run } from './run.ts'

/** What is asked for has as long as any request, unless it is said. */
const ASK_MS = 30_000

/** For a step: when that does not run any more, nobody wants it. */
export function parentOf(run: Run, step: string, remainingMs = ASK_MS): Parent {
  const isOver = (): boolean => !isRunning(run, step)
  return { ...ownerOf(run, remainingMs), isCancelled: isOver, isAbandoned: isOver }
}

/** For what has to be done in any case. */
export function ownerOf({ record }: Run, remainingMs = ASK_MS): Parent {
  return {
    // Rights were checked when the workflow was asked for.
    identity: { principal: record.owner, roles: [] },
    connection: '',
    trace: record.trace,
    within: record.execution,
    remainingMs: () => remainingMs,
    isCancelled: () => false,
    isAbandoned: () => false,
  }
}
