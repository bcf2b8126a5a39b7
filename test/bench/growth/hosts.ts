/** 1 to 50 hosts, which write all together as fast as they may. */

import {
  type Ours,
  startBroker,
  startChildlessHost,
  startSessions,
} from '../contestants/agentmq.ts'
import { callerOn } from '../contestants/callers.ts'
import type { Latency } from '../figures/percentiles.ts'
import { median } from '../figures/percentiles.ts'
import type { Bench } from '../measures/measure.ts'
import type { Flood, FloodLoad } from '../programs/producer.ts'
import { figure } from '../report/numbers.ts'
import { memoryMb } from '../stage/proc.ts'
import type { Program } from '../stage/program.ts'
import { IPC } from '../transports.ts'
import { idleCpu } from './cpu-share.ts'
import { atEach, type Figures, type Growth } from './growth.ts'

/** Processes that hold the hosts. */
const HOLDING = 2
const IN_FLIGHT = 4096
const ROUNDS = 3

/** Sizes that differ by one at most. */
function shares(count: number): number[] {
  return Array.from({ length: Math.min(HOLDING, count) }, (_, index) =>
    Math.ceil((count - index) / HOLDING),
  )
}

/** Chunks a second of all hosts together, until the last one is acknowledged. */
async function flood(producers: readonly Program[], hosts: readonly number[], count: number) {
  const total = hosts.reduce((sum, one) => sum + one, 0)
  const floods = await Promise.all(
    producers.map((producer, index) => {
      const streams = hosts[index] ?? 0
      const part = Math.ceil((count * streams) / total)
      const load: FloodLoad = { count: part, streams, inFlight: IN_FLIGHT / producers.length }
      return producer.ask<Flood>('flood', load)
    }),
  )
  const from = Math.min(...floods.map(({ startedAt }) => startedAt))
  const to = Math.max(...floods.map(({ acknowledgedAt }) => acknowledgedAt))
  return (count / (to - from)) * 1000
}

async function measure(bench: Bench, count: number): Promise<Figures> {
  const { isQuick } = bench
  const ours = await startBroker(bench, IPC)
  const hosts = shares(count)
  const producers = await startHosts(bench, ours, hosts)
  await startSessions(ours, count)
  const caller = await callerOn(bench, ours)
  const { pid } = ours.broker
  const idle = await idleCpu(pid, isQuick)
  await caller.ask('oneByOne', { count: 100 })
  const { p50 } = await caller.ask<Latency>('oneByOne', { count: isQuick ? 200 : 1000 })
  const chunks = isQuick ? 10_000 : 40_000
  await flood(producers, hosts, chunks / 2)
  const speeds: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) speeds.push(await flood(producers, hosts, chunks))
  return { appended: median(speeds), call: p50, idle, memory: memoryMb(pid, 'RssAnon') }
}

/** With room for one session of each host, and one more for the calls. */
async function startHosts(bench: Bench, ours: Ours, hosts: readonly number[]): Promise<Program[]> {
  const producers: Program[] = []
  for (const count of hosts) {
    producers.push(await startChildlessHost(bench, ours, { sessions: 2, hosts: count }))
  }
  return producers
}

export const HOSTS: Growth = {
  name: 'growth-hosts',
  title: 'Hosts',
  x: 'hosts',
  about:
    'Hosts without children, two processes with half of them each, with one session each. First they do nothing, and a client makes calls to one of them, one at a time. Then all write as fast as they may, with 4,096 chunks of 120 B not acknowledged in all.',
  points: [1, 2, 5, 10, 20, 50],
  quickPoints: [1, 5, 30],
  panels: [
    { title: 'chunks appended by all hosts', unit: '/s', figures: ['appended'] },
    { title: 'p50 of a call', unit: 'ms', figures: ['call'] },
    { title: 'idle broker, of one core', unit: '%', figures: ['idle'] },
    { title: 'memory of the broker', unit: 'MB', figures: ['memory'] },
  ],
  run: (climb) => atEach(climb, measure),
  text: (trends) => [
    `Chunks of all hosts share a commit, but each host sends bundles of its own, and is acknowledged in messages of its own: of the same ${IN_FLIGHT.toLocaleString('en-US')} chunks in flight, ${figure(trends.last)} hosts have ${figure(Math.floor(IN_FLIGHT / trends.last))} each, and their bundles hold fewer. What all hosts append together ${trends.words('appended', 'chunks/s')}.`,
    `A call finds its host in the record of the session: its p50 ${trends.words('call', 'ms')}.`,
    `Each connection has a heartbeat a second. What the idle broker uses of a core ${trends.words('idle', '%')}; its memory, after the load, ${trends.words('memory', 'MB')}.`,
  ],
}
