/** A journal of up to 5 million chunks: the start of the broker on it, appends, and reading back. */
import { randomUUID } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CHILDLESS, startChildlessHost, startSession } from '../contestants/agentmq.ts'
import { readerOf } from '../contestants/streams.ts'
import { median } from '../figures/percentiles.ts'
import { machineNow } from '../load/clock.ts'
import { fillJournal } from '../long-stream.ts'
import type { Bench } from '../measures/measure.ts'
import type { Flood } from '../programs/producer.ts'
import { figure } from '../report/numbers.ts'
import { memoryMb } from '../stage/proc.ts'
import type { Program } from '../stage/program.ts'
import { IPC } from '../transports.ts'
import type { Climb, Figures, Growth } from './growth.ts'
import { restartMs } from './restarts.ts'

/** Chunks of each session that is already there. */
const PER_SESSION = 5000
const ROUNDS = 3

const floodCount = (isQuick: boolean) => (isQuick ? 3000 : 20_000)

async function grow(climb: Climb): Promise<void> {
  await climb.onStage(async ({ stage }) => {
    const folder = join(stage.dir, 'journal')
    let [chunks, ended] = [0, 0]
    for (const x of climb.points) {
      const sessions = Array.from({ length: Math.round((x - chunks) / PER_SESSION) }, () =>
        randomUUID(),
      )
      if (sessions.length > 0)
        await fillJournal(folder, { sessions, chunks: PER_SESSION, sync: 'os' })
      const size = sizeOf(folder)
      const restart = await restartMs(climb, folder)
      const figures = await climb.onStage((bench) => look(bench, folder))
      ended += sessions.length
      climb.tell(x, { restart, ...figures, size, sessions: ended })
      // What was appended meanwhile counts as well.
      chunks = x + appendedBy(climb.isQuick)
    }
  })
}

const appendedBy = (isQuick: boolean): number => floodCount(isQuick) * (ROUNDS + 1)

async function look(bench: Bench, folder: string): Promise<Figures> {
  const { isQuick, stage } = bench
  const broker = await stage.part('broker', { flags: ['--journal-dir', folder] })
  const ours = { broker, meeting: await IPC.meet(stage.dir) }
  const producer = await startChildlessHost(bench, ours)
  const session = await startSession(bench, ours, CHILDLESS)
  const speeds: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const count = floodCount(isQuick)
    const { startedAt, acknowledgedAt } = await producer.ask<Flood>('flood', { count })
    speeds.push((count / (acknowledgedAt - startedAt)) * 1000)
  }
  const connect = ours.meeting.client
  const reader = await readerOf(bench, { kind: 'agentmq', connect, sessions: [session] })
  const back = await readAll(reader, appendedBy(isQuick))
  return {
    append: median(speeds.slice(1)),
    'read back': back,
    memory: memoryMb(broker.pid, 'RssAnon'),
  }
}

/** Chunks a second; the first time warms up. */
async function readAll(reader: Program, total: number): Promise<number> {
  const speeds: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const since = machineNow()
    await reader.ask('begin')
    const at = await reader.ask<number>('until', { total })
    speeds.push((total / (at - since)) * 1000)
  }
  return median(speeds.slice(1))
}

/** MB on the disk. */
function sizeOf(folder: string): number {
  try {
    return (
      readdirSync(folder).reduce(
        (sum, file) => sum + statSync(join(folder, file)).blocks * 512,
        0,
      ) / 1e6
    )
  } catch {
    return 0 // there is none yet
  }
}

export const JOURNAL: Growth = {
  name: 'growth-journal',
  title: 'Size of the journal',
  x: 'chunks in the journal',
  about:
    'A journal that was filled with chunks of 120 B, 5,000 for each session that has ended. At each point a broker is started on it, a host without children appends to a session of its own as fast as it may, with 4,096 chunks not acknowledged, and then a client reads that session back. The pages are in the cache of the system.',
  points: [0, 100_000, 500_000, 1_000_000, 2_500_000, 5_000_000],
  quickPoints: [0, 50_000, 300_000],
  panels: [
    { title: 'start of the broker', unit: 'ms', figures: ['restart'] },
    { title: 'chunks a second', unit: '/s', figures: ['append', 'read back'] },
    { title: 'on the disk', unit: 'MB', figures: ['size'] },
    { title: 'memory of the broker, without pages of files', unit: 'MB', figures: ['memory'] },
  ],
  run: grow,
  text: (trends) => [
    `The journal is a tree of pages: what is appended goes to the pages of its session, however many others there are. Appending ${trends.words('append', 'chunks/s')}.`,
    `The chunks of a session lie side by side. Reading back ${trends.words('read back', 'chunks/s')}.`,
    `The start of the broker reads the records of the sessions, ${figure(trends.value('sessions'))} at last, and no chunks: it ${trends.words('restart', 'ms')}. Its memory ${trends.words('memory', 'MB')}.`,
    `A chunk of 120 B takes ${figure((trends.value('size') * 1e6) / trends.last)} B on the disk, with its key and its checksum.`,
  ],
}
