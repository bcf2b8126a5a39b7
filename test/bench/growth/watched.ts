/** Sessions that write on a schedule and readers that follow them: what that costs the broker, and how late it is. */
import {
  type Ours,
  startBroker,
  startChildlessHost,
  startSessions,
} from '../contestants/agentmq.ts'
import { readerOf } from '../contestants/streams.ts'
import type { Trends } from '../figures/trend.ts'
import type { Bench } from '../measures/measure.ts'
import { play } from '../measures/played.ts'
import type { AgentmqReading } from '../readers/reader.ts'
import { askProbe, probed } from '../stage/probe.ts'
import { IPC } from '../transports.ts'
import { cpuShare } from './cpu-share.ts'
import type { Figures, Panel } from './growth.ts'

/** Processes that read. More would only wait for each other: it is the broker that is measured. */
const READING = 4
const SECONDS = { full: 6, quick: 2 } as const

export interface Watched {
  readonly sessions: number
  /** Chunks of all sessions together. */
  readonly perSecond: number
  /** Readers of each session. */
  readonly copies: number
  readonly connections: NonNullable<AgentmqReading['connections']>
}

export async function watched(bench: Bench, options: Watched): Promise<Figures> {
  const { stage, isQuick } = bench
  const { sessions, perSecond, copies } = options
  const ours = await startBroker(bench, IPC, probed(stage))
  const producer = await startChildlessHost(bench, ours, { sessions })
  await startSessions(ours, sessions)
  const ids = await producer.ask<string[]>('sessions')
  const readers = await readersOf(bench, ours, ids, options)
  const count = perSecond * (isQuick ? SECONDS.quick : SECONDS.full)
  const load = { perSecond, count, seed: 1, streams: sessions }
  const { pid } = ours.broker
  let share = cpuShare(pid)
  const onWarm = async (): Promise<void> => {
    await askProbe(stage, pid)
    share = cpuShare(pid)
  }
  const { latencyMs, missing } = await play({ producer, readers, load, copies, onWarm })
  const cpu = share()
  const { lagP99 } = await askProbe(stage, pid)
  return { p50: latencyMs.p50, p99: latencyMs.p99, lag: lagP99, cpu, missing }
}

function readersOf(
  bench: Bench,
  { meeting }: Ours,
  ids: readonly string[],
  { copies, connections }: Watched,
) {
  const all = Array.from({ length: copies }, () => ids).flat()
  const shares = Array.from({ length: READING }, (_, reader) =>
    all.filter((_, index) => index % READING === reader),
  ).filter((share) => share.length > 0)
  return Promise.all(
    shares.map((sessions) =>
      readerOf(bench, { kind: 'agentmq', connect: meeting.client, sessions, connections }),
    ),
  )
}

export const WATCHED_PANELS: readonly Panel[] = [
  { title: 'from due to read', unit: 'ms', figures: ['p50', 'p99'] },
  { title: 'delay of the loop of the broker, p99', unit: 'ms', figures: ['lag'] },
  { title: 'broker, of one core', unit: '%', figures: ['cpu'] },
]

/** What there is to say of chunks that never came. */
export function gapsText(trends: Trends): string {
  const missing = trends.sum('missing')
  return missing === 0
    ? 'No chunk was missing at any point.'
    : `**${missing} chunks had not come** within 30 s of the last one, over all points.`
}
