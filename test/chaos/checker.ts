/**
 * Judges the history of one session: what its agent did, what the journal holds, what readers were shown
 * and what callers were told have to agree. Pure.
 */
import type { StreamItem } from '../../clients/sdk/index.ts'
import { checkCalls } from './check-calls.ts'
import { checkTurns } from './check-turns.ts'
import type { FollowHistory, SessionHistory, Violation } from './history.ts'

export type Report = (rule: string, detail: string) => void

export function check(history: SessionHistory): Violation[] {
  const violations: Violation[] = []
  const report: Report = (rule, detail) => {
    violations.push({ rule, where: `session ${history.session}`, detail })
  }
  checkJournal(history.journal, report)
  checkTurns(history, report)
  checkCalls(history, report)
  const lines = history.journal.map((item) => JSON.stringify(item))
  for (const follower of history.followers) checkFollower(follower, lines, report)
  return violations
}

function checkJournal(journal: readonly StreamItem[], report: Report): void {
  journal.forEach((item, index) => {
    if (item.type === 'gap')
      report('no chunk lost', `the journal has a gap ${JSON.stringify(item)}`)
    else if (item.type === 'unknown') report('no chunk damaged', JSON.stringify(item))
    else if (item.seq !== index + 1) {
      report('no chunk lost', `the journal has ${item.seq} in place ${index + 1}`)
    }
  })
}

/** What it showed is a part of the journal without a hole, from where it began; at the end, all of it. */
function checkFollower(
  { name, from, items, isFinal, isFinished, failure }: FollowHistory,
  journal: readonly string[],
  report: Report,
): void {
  if (failure !== undefined) report('readers go on', `${name} failed with ${failure}`)
  const wrong = items.findIndex((item, index) => JSON.stringify(item) !== journal[from - 1 + index])
  if (wrong >= 0) {
    const shown = JSON.stringify(items[wrong])
    const due = journal[from - 1 + wrong] ?? 'nothing'
    report('every reader sees the journal', `${name}: ${shown} came where ${due} was due`)
    return
  }
  if (!isFinal) return
  const end = from - 1 + items.length
  if (!isFinished || end < journal.length) {
    report('every reader comes to the end', `${name} stopped at ${end} of ${journal.length}`)
  }
}
