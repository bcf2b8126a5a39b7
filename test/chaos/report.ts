/** The summary of a run for people. */

import { groupBy } from './group-by.ts'
import type { Violation } from './history.ts'
import type { DiskReport, PlayedRound, RunResult } from './run.ts'

/** Violations that are printed in full. */
const MOST_SHOWN = 40

export function summary(result: RunResult): string {
  const { rounds, violations, totals, disk, seconds, seed, kept } = result
  const byFault = groupBy(rounds, ({ faults }) => (faults.includes(' + ') ? 'two at once' : faults))
  const rows = [...byFault]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([fault, all]) => row(fault, all.map(recovery)))
  return [
    `${'fault'.padEnd(20)} rounds    p50    p99    max   ms until all works again`,
    ...rows,
    row('all', rounds.map(recovery)),
    ...slowest(rounds),
    '',
    `${rounds.length} rounds in ${seconds.toFixed(0)} s from seed ${seed}`,
    `${totals.turns} turns, ${totals.chunks} chunks in the journal, ${totals.shown} shown to readers`,
    `${totals.calls} calls made by clients, ${totals.retries} of them retries with the same key`,
    diskLine(disk),
    `${violations.length} violations`,
    ...violations.slice(0, MOST_SHOWN).map(line),
    ...(kept === undefined ? [] : [`the files of this run are kept in ${kept}`]),
  ].join('\n')
}

/** What a run says depends on it: a disk that stands still looks like a system that hangs. */
function diskLine({ stalledMs, longestMs, setAside }: DiskReport): string {
  const stood = `it stood still for ${(stalledMs / 1000).toFixed(1)} s`
  const longest = `longest small write ${longestMs.toFixed(0)} ms`
  return `disk: ${longest}, ${stood}; ${setAside} recoveries set aside for that and made again`
}

function recovery({ recoveryMs }: PlayedRound): number {
  return recoveryMs
}

/** The rounds after which the system took longest. */
function slowest(rounds: readonly PlayedRound[]): string[] {
  const numbered = rounds.map((round, index) => ({ ...round, number: index + 1 }))
  const worst = numbered.toSorted((a, b) => b.recoveryMs - a.recoveryMs).slice(0, 3)
  return worst.map(
    ({ number, faults, recoveryMs }) =>
      `slow: round ${number}, ${faults}: ${recoveryMs.toFixed(0)} ms`,
  )
}

function row(name: string, ms: readonly number[]): string {
  const sorted = [...ms].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
  const numbers = [at(0.5), at(0.99), at(1)].map((value) => value.toFixed(0).padStart(6))
  return `${name.padEnd(20)} ${String(ms.length).padStart(6)} ${numbers.join(' ')}`
}

function line({ rule, where, detail }: Violation): string {
  return `  ${rule}: ${where}: ${detail}`
}
