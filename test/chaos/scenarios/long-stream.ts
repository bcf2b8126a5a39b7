/** A reader of one long answer, while the broker is killed again and again. */
import { rmSync } from 'node:fs'
import { filesOf, processesOf } from '../leftovers.ts'
import { becomesTrue } from '../patience.ts'
import { System } from '../system.ts'

export interface LongStreamOptions {
  /** The agent counts up to here. */
  readonly numbers: number
  readonly paceMs: number
  /** How often the broker is killed, evenly over the answer. */
  readonly kills: number
}

export interface LongStreamResult {
  /** What the reader was shown, number by number. */
  readonly isWhole: boolean
  readonly areSequencesWhole: boolean
  readonly chunks: number
  readonly kills: number
  readonly seconds: number
  readonly leftovers: readonly string[]
}

const SMALL = { seed: 1, sessions: 1, clients: 0, hosts: 1, maxCount: 1, paceMs: 1 }

export async function longStream(options: LongStreamOptions): Promise<LongStreamResult> {
  const system = new System({ ...SMALL, livenessMs: 2000 })
  try {
    await system.start()
    const read = await readThroughKills(system, options)
    await system.stop()
    await becomesTrue(() => processesOf(system.dir).length === 0, 10_000)
    const leftovers = [...system.surprises, ...processesOf(system.dir), ...filesOf(system.dir)]
    return { ...read, leftovers }
  } finally {
    await system.stop()
    rmSync(system.dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function readThroughKills(
  system: System,
  { numbers, paceMs, kills }: LongStreamOptions,
): Promise<Omit<LongStreamResult, 'leftovers'>> {
  const startedMs = performance.now()
  const session = system.driver.session(system.sessions[0] ?? '')
  const { sequence } = await session.prompt(`@@pace(${numbers},${paceMs})`)
  const seen = { text: '', due: sequence, areSequencesWhole: true, killed: 0, chunks: 0 }
  let isBack: Promise<void> = Promise.resolve()
  for await (const item of session.follow({ from: sequence })) {
    if (!('seq' in item) || item.seq !== seen.due) seen.areSequencesWhole = false
    seen.due += 1
    seen.chunks += 1
    if (item.type === 'turn_complete') break
    if (item.type !== 'text') continue
    seen.text += item.content
    const reached = Number(/(\d+) $/.exec(item.content)?.[1] ?? 0)
    if (seen.killed >= kills || reached < ((seen.killed + 1) * numbers) / (kills + 1)) continue
    seen.killed += 1
    isBack = isBack.then(() => restart(system))
  }
  await isBack
  const { text, areSequencesWhole, killed, chunks } = seen
  const isWhole = text === Array.from({ length: numbers }, (_, n) => `${n + 1} `).join('')
  const seconds = (performance.now() - startedMs) / 1000
  return { isWhole, areSequencesWhole, chunks, kills: killed, seconds }
}

async function restart(system: System): Promise<void> {
  await system.broker.end('SIGKILL')
  await system.startBroker()
}
