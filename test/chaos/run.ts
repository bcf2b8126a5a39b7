/** One run: a system under load, a fault each round, and a judgement at the end. */
import { rmSync } from 'node:fs'
import { apartFromStalls, DiskWatch } from './disk-watch.ts'
import { inflict } from './faults.ts'
import type { Violation } from './history.ts'
import { filesOf, processesOf } from './leftovers.ts'
import { becomesTrue } from './patience.ts'
import { recover } from './recovery.ts'
import { type Plan, type Round, schedule } from './schedule.ts'
import { System, type SystemOptions } from './system.ts'
import { judge, settle, type Totals } from './verify.ts'

export interface RunOptions extends SystemOptions, Plan {
  /** Aborted: no more rounds; what was played is judged as ever. */
  readonly enough: AbortSignal
  readonly say: (line: string) => void
}

export interface PlayedRound {
  readonly faults: string
  readonly recoveryMs: number
}

/** How the disk did meanwhile; see disk-watch.ts. */
export interface DiskReport {
  readonly stalledMs: number
  readonly longestMs: number
  /** Recoveries that failed while it stood still, and were made again. */
  readonly setAside: number
}

export interface RunResult {
  readonly seed: number
  readonly rounds: readonly PlayedRound[]
  readonly violations: readonly Violation[]
  readonly totals: Totals
  readonly disk: DiskReport
  readonly seconds: number
  /** Where the files are, when they were kept. */
  readonly kept: string | undefined
}

/** A host that was killed leaves its agents this long to end by themselves (guardian-link.ts), and more. */
const GONE_MS = 10_000
const SAY_EVERY = 25

export async function run(options: RunOptions): Promise<RunResult> {
  const startedMs = performance.now()
  const system = new System(options)
  const rounds: PlayedRound[] = []
  const violations: Violation[] = []
  const disk = DiskWatch.in(system.archive.dir)
  let setAside = 0
  const totals: Totals = { chunks: 0, shown: 0, turns: 0, calls: 0, retries: 0 }
  try {
    await system.start()
    disk.start()
    for (const round of schedule(options)) {
      if (options.enough.aborted) break
      const { broken, ...played } = await play(system, round, disk, (trouble, stalledMs) => {
        setAside += 1
        const seconds = (stalledMs / 1000).toFixed(1)
        options.say(`  set aside, the disk stood still for ${seconds} s: ${trouble.join('; ')}`)
      })
      rounds.push(played)
      violations.push(...broken)
      sayBroken(options, broken)
      sayProgress(options, round.number, violations, startedMs)
    }
    const settled = await settle(system, totals)
    const judged = await judge(system, settled.heads, totals)
    violations.push(...settled.violations, ...judged)
  } finally {
    await Promise.all([system.stop(), disk.stop()])
  }
  violations.push(...(await leftoversOf(system)))
  for (const what of system.surprises) {
    violations.push({ rule: 'no process ends unasked', where: 'system', detail: what })
  }
  const kept = violations.length > 0 ? system.dir : undefined
  if (!kept) rmSync(system.dir, { recursive: true, force: true, maxRetries: 5 })
  const seconds = (performance.now() - startedMs) / 1000
  const { stalledMs, longestMs } = disk
  const report = { stalledMs, longestMs, setAside }
  return { seed: options.seed, rounds, violations, totals, disk: report, seconds, kept }
}

async function play(
  system: System,
  round: Round,
  disk: DiskWatch,
  setAside: Parameters<typeof apartFromStalls>[2],
): Promise<PlayedRound & { readonly broken: Violation[] }> {
  const blows = round.second ? [round, round.second] : [round]
  const faults = blows.map(({ fault }) => fault).join(' + ')
  const thrown = await Promise.allSettled(blows.map((blow) => inflict(system, blow)))
  const startedMs = performance.now()
  const trouble = [
    ...thrown.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
    ...(await apartFromStalls(disk, () => recover(system), setAside)),
  ]
  const where = `round ${round.number} (${faults})`
  const rule = `works again within ${system.options.recoveryMs / 1000} s`
  const broken = trouble.map((detail) => ({ rule, where, detail }))
  return { faults, recoveryMs: performance.now() - startedMs, broken }
}

/** At once: the end of a long run is a long way off. */
function sayBroken({ say }: RunOptions, broken: readonly Violation[]): void {
  for (const { rule, where, detail } of broken) say(`  ${rule}: ${where}: ${detail}`)
}

function sayProgress(
  { rounds, say }: RunOptions,
  number: number,
  { length }: readonly Violation[],
  startedMs: number,
): void {
  if (number % SAY_EVERY !== 0 && number !== rounds) return
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
  const memory = `memory of the driver: ${megabytes(process.memoryUsage.rss())} MiB`
  say(`round ${number} of ${rounds}, ${seconds} s, ${memory}, violations: ${length}`)
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0)
}

async function leftoversOf({ dir }: System): Promise<Violation[]> {
  await becomesTrue(() => processesOf(dir).length === 0, GONE_MS)
  return [...processesOf(dir), ...filesOf(dir)].map((detail) => ({
    rule: 'nothing is left behind',
    where: 'system',
    detail,
  }))
}
