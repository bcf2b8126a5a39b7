/** One run: a system under load, a fault each round, and a judgement at the end. */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { INFLICT } from './faults.ts'
import type { Violation } from './history.ts'
import { filesOf, processesOf } from './leftovers.ts'
import { becomesTrue } from './patience.ts'
import { recover } from './recovery.ts'
import { type FaultName, type Round, schedule } from './schedule.ts'
import { System, type SystemOptions } from './system.ts'
import { judge, settle, type Totals } from './verify.ts'

export interface RunOptions extends SystemOptions {
  readonly rounds: number
  /** Default: all. */
  readonly faults?: readonly FaultName[]
  readonly say: (line: string) => void
}

export interface RunResult {
  readonly seed: number
  readonly rounds: readonly { readonly fault: FaultName; readonly recoveryMs: number }[]
  readonly violations: readonly Violation[]
  readonly totals: Totals
  readonly seconds: number
  /** Where the files are, when they were kept. */
  readonly kept: string | undefined
}

/** The system must work again after so long. */
export const RECOVERY_MS = 10_000
/** A host that was killed leaves its agents this long to end by themselves (guardian-link.ts), and more. */
const GONE_MS = 10_000
const SAY_EVERY = 25

export async function run(options: RunOptions): Promise<RunResult> {
  const startedMs = performance.now()
  const system = new System(options)
  const rounds: { fault: FaultName; recoveryMs: number }[] = []
  const violations: Violation[] = []
  const totals: Totals = { chunks: 0, shown: 0, turns: 0, calls: 0, retries: 0 }
  try {
    await system.start()
    for (const round of schedule(options.seed, options.rounds, options.faults)) {
      const { recoveryMs, broken } = await play(system, round)
      rounds.push({ fault: round.fault, recoveryMs })
      violations.push(...broken)
      sayProgress(options, round, violations, startedMs)
    }
    const settled = await settle(system, totals)
    const judged = await judge(system, settled.heads, totals)
    violations.push(...settled.violations, ...judged)
  } finally {
    await system.stop()
  }
  violations.push(...(await leftoversOf(system)))
  for (const what of system.surprises) {
    violations.push({ rule: 'no process ends unasked', where: 'system', detail: what })
  }
  const kept = violations.length > 0 ? system.dir : undefined
  if (!kept) rmSync(system.dir, { recursive: true, force: true, maxRetries: 5 })
  const seconds = (performance.now() - startedMs) / 1000
  return { seed: options.seed, rounds, violations, totals, seconds, kept }
}

async function play(
  system: System,
  round: Round,
): Promise<{ recoveryMs: number; broken: Violation[] }> {
  await sleep(round.afterMs) // the moment of the fault is part of the schedule
  const where = `round ${round.number} (${round.fault})`
  const fault = await INFLICT[round.fault](system, round).then(
    () => [],
    (thrown: unknown) => [String(thrown)],
  )
  const startedMs = performance.now()
  const trouble = [...fault, ...(await recover(system, RECOVERY_MS))]
  const broken = trouble.map((detail) => ({ rule: 'works again within 10 s', where, detail }))
  return { recoveryMs: performance.now() - startedMs, broken }
}

function sayProgress(
  { rounds, say }: RunOptions,
  { number, fault }: Round,
  { length }: readonly Violation[],
  startedMs: number,
): void {
  if (number % SAY_EVERY !== 0 && number !== rounds) return
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
  say(`round ${number} of ${rounds}, ${seconds} s, last fault: ${fault}, violations: ${length}`)
}

async function leftoversOf({ dir }: System): Promise<Violation[]> {
  await becomesTrue(() => processesOf(dir).length === 0, GONE_MS)
  return [...processesOf(dir), ...filesOf(dir)].map((detail) => ({
    rule: 'nothing is left behind',
    where: 'system',
    detail,
  }))
}
