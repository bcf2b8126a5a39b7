/** 10 to 10,000 sessions that do nothing, in one broker that gets more and more of them. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type Client, connect } from '../../../clients/sdk/index.ts'
import {
  CHILDLESS,
  type Ours,
  startBroker,
  startChildlessHost,
  startSessions,
} from '../contestants/agentmq.ts'
import { callerOn } from '../contestants/callers.ts'
import { type Latency, median } from '../figures/percentiles.ts'
import type { Trends } from '../figures/trend.ts'
import { fillJournal } from '../long-stream.ts'
import type { Bench } from '../measures/measure.ts'
import { figure } from '../report/numbers.ts'
import { askProbe, probed } from '../stage/probe.ts'
import { memoryMb } from '../stage/proc.ts'
import type { Program } from '../stage/program.ts'
import { IPC } from '../transports.ts'
import { idleCpu } from './cpu-share.ts'
import type { Climb, Figures, Growth } from './growth.ts'
import { restartMs } from './restarts.ts'

/** Calls before the first point: code that ran less often is still being compiled. */
const WARM_UP_CALLS = 3000
/** Sessions of each point that are made one at a time, at most. */
const ONE_BY_ONE = 50
const LISTS = 15

interface Scene {
  readonly ours: Ours
  readonly caller: Program
  readonly client: Client
}

async function grow(climb: Climb): Promise<void> {
  await climb.onStage(async (bench) => {
    const ours = await startBroker(bench, IPC, probed(bench.stage))
    await startChildlessHost(bench, ours, { sessions: 10_000 })
    const caller = await callerOn(bench, ours)
    const client = await connect(ours.meeting.client)
    const scene = { ours, caller, client }
    try {
      await caller.ask('oneByOne', { count: WARM_UP_CALLS })
      await timesOf(LISTS, () => client.call('session.list', {}))
      let count = 1 // that of the caller
      for (const x of climb.points) {
        const create = await createUpTo(scene, { count, x })
        count = x
        const figures = await look(bench, scene)
        climb.tell(x, { ...figures, create, restart: await restart(climb, x) })
      }
    } finally {
      await client.close()
    }
  })
}

/** The last ones are made one at a time; ms of one of these. */
async function createUpTo({ ours, client }: Scene, { count, x }: { count: number; x: number }) {
  const alone = Math.min(ONE_BY_ONE, x - count)
  await startSessions(ours, x - count - alone)
  return median(await timesOf(alone, () => client.createSession({ backend: CHILDLESS })))
}

/** Of so many calls, one after the other, ms. */
async function timesOf(count: number, call: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let index = 0; index < count; index += 1) {
    const since = performance.now()
    await call()
    times.push(performance.now() - since)
  }
  return times
}

async function look({ stage, isQuick }: Bench, { ours, caller, client }: Scene): Promise<Figures> {
  const { pid } = ours.broker
  const idle = await idleCpu(pid, isQuick)
  const { heapMb } = await askProbe(stage, pid)
  const memory = memoryMb(pid, 'RssAnon')
  const { p50 } = await caller.ask<Latency>('oneByOne', { count: isQuick ? 200 : 1000 })
  const list = median(await timesOf(LISTS, () => client.call('session.list', {})))
  return { memory, heap: heapMb, idle, call: p50, list }
}

/** On a journal of its own: sessions that have ended, with one chunk each. */
async function restart(climb: Climb, sessions: number): Promise<number> {
  return climb.onStage(async ({ stage }) => {
    const ids = Array.from({ length: sessions }, () => randomUUID())
    const journal = join(stage.dir, 'journal')
    await fillJournal(journal, { sessions: ids, chunks: 1, sync: 'os' })
    return restartMs(climb, journal)
  })
}

function text(trends: Trends): readonly string[] {
  const kilobytes = figure(trends.perUnit('heap') * 1000)
  return [
    `The heap ${trends.words('heap', 'MB')}: ${kilobytes} KB for each session more. That is its record, its place in the streams, and the answer to \`session.create\`, which is kept for a day in case of a repeat.`,
    `No session has a timer of its own, but every tick of the broker, twenty a second, passes over the streams that are in memory. What the idle broker uses of a core ${trends.words('idle', '%')}.`,
    `A call finds its session by a key: its p50 ${trends.words('call', 'ms')}.`,
    `A session that is made looks for the host with the most free slots: the p50 of \`session.create\` ${trends.words('create', 'ms')}.`,
    `A page of \`session.list\` holds up to 1,000 sessions, and all that there are are sorted for it: its p50 ${trends.words('list', 'ms')}.`,
    `The start of the broker reads the record of each session: it ${trends.words('restart', 'ms')}.`,
  ]
}

export const SESSIONS_IDLE: Growth = {
  name: 'growth-sessions-idle',
  title: 'Sessions that do nothing',
  x: 'sessions',
  about:
    'One broker that gets more and more sessions, all of a host without children. At each point: what the broker uses of a core while nobody asks anything, its memory (without pages of files) and its heap after a collection, and the p50 of three calls, one at a time: a line written to a session (as `one-at-a-time`), a session made, and a page of `session.list` (1,000 sessions at most). `restart` is the start of a broker on a journal with so many sessions that have ended.',
  points: [10, 100, 1000, 3000, 10_000],
  quickPoints: [10, 300, 2000],
  panels: [
    { title: 'memory of the broker', unit: 'MB', figures: ['memory', 'heap'] },
    { title: 'idle broker, of one core', unit: '%', figures: ['idle'] },
    { title: 'calls, p50', unit: 'ms', figures: ['call', 'create', 'list'] },
    { title: 'start of the broker', unit: 'ms', figures: ['restart'] },
  ],
  run: grow,
  text,
}
