/** A reader of one long turn, while the broker is killed again and again. */
import { rmSync } from 'node:fs'
import type { StreamItem } from '../../../clients/sdk/index.ts'
import { filesOf, processesOf } from '../leftovers.ts'
import { becomesTrue } from '../patience.ts'
import { System } from '../system.ts'

export interface LongStreamOptions {
  /** The agent counts up to here, each number in a chunk of its own. */
  readonly numbers: number
  readonly paceMs: number
  /** How often the broker is killed, evenly over the answer. */
  readonly kills: number
}

export interface LongStreamResult {
  /** Numbers that the reader was shown, each in the chunk that it has to be in. */
  readonly shown: number
  /** The first chunk that was not the one that was due. */
  readonly wrong: string | undefined
  /** Chunks that the reader was shown, among them the prompt and what became of the hosts. */
  readonly chunks: number
  readonly kills: number
  readonly seconds: number
  readonly leftovers: readonly string[]
}

const SMALL = {
  transport: 'ipc',
  seed: 1,
  sessions: 1,
  clients: 0,
  hosts: 1,
  maxCount: 1,
  paceMs: 1,
  recoveryMs: 30_000,
} as const

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
  const { sequence } = await session.prompt(`@@alternate(${numbers},${paceMs})`)
  const count = new Count(sequence)
  let killed = 0
  let isBack: Promise<void> = Promise.resolve()
  for await (const item of session.follow({ from: sequence })) {
    count.see(item)
    if (item.type === 'turn_complete') break
    if (killed >= kills || count.shown < ((killed + 1) * numbers) / (kills + 1)) continue
    killed += 1
    isBack = isBack.then(() => restart(system))
  }
  await isBack
  const seconds = (performance.now() - startedMs) / 1000
  return { shown: count.shown, wrong: count.wrong, chunks: count.chunks, kills: killed, seconds }
}

/** Sequences have no holes, and the numbers in them are 1, 2, 3 …, text and thinking in turn. */
class Count {
  shown = 0
  chunks = 0
  wrong: string | undefined
  readonly #first: number

  constructor(first: number) {
    this.#first = first
  }

  see(item: StreamItem): void {
    const isDue = 'seq' in item && item.seq === this.#first + this.chunks
    this.chunks += 1
    if (!isDue || !this.#isNext(item)) this.wrong ??= JSON.stringify(item)
  }

  #isNext(item: StreamItem): boolean {
    if (item.type !== 'text' && item.type !== 'thinking') return true
    this.shown += 1
    const due = this.shown % 2 === 1 ? 'text' : 'thinking'
    return item.type === due && item.content === `${this.shown} `
  }
}

async function restart(system: System): Promise<void> {
  await system.broker.end('SIGKILL')
  await system.startBroker()
}
