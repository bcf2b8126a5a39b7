/** Memory of the process in the middle: idle, and with sessions that do nothing. */
import { setTimeout as delay } from 'node:timers/promises'
import { startBroker, startChildlessHost, startSessions } from '../contestants/agentmq.ts'
import { startNats, startRedis } from '../contestants/servers.ts'
import { askProbe, probed } from '../stage/probe.ts'
import { memoryMb } from '../stage/proc.ts'
import type { Stage } from '../stage/stage.ts'
import { IPC } from '../transports.ts'
import { type Bench, type Contestant, type Measure, OURS, type Sample } from './measure.ts'

/** Memory is looked at when nothing has happened for so long, ms. */
const SETTLE_MS = 3000
/** V8 gives back what the start has taken when it has been idle for some ten seconds. */
const IDLE_MS = 30_000

async function settled(pid: number): Promise<Sample> {
  await delay(SETTLE_MS)
  const atFirst = memoryMb(pid, 'VmRSS')
  await delay(IDLE_MS - SETTLE_MS)
  const value = memoryMb(pid, 'VmRSS')
  const anonymous = memoryMb(pid, 'RssAnon')
  return { value, more: { 'anonymous MB': anonymous, 'MB 3 s after the start': atFirst } }
}

const idle: Measure = {
  name: 'memory-idle',
  title: 'memory of an idle broker',
  unit: 'MB',
  better: 'less',
  floor: 'node-zeromq',
  about:
    'Resident set of the broker after 30 s in which nobody asked for anything, with the pages of its program. `node-zeromq` is a Node process that has loaded zeromq.js and bound a socket, which is all that the plain broker is. NATS and Redis are native programs.',
  goals: [{ atMost: 60 }],
  contestants: [
    {
      name: OURS,
      run: async (bench) => settled((await startBroker(bench, IPC)).broker.pid),
    },
    {
      name: 'node-zeromq',
      run: async ({ stage }) =>
        settled((await stage.program('raw-echo', await IPC.raw(stage.dir, 'echo'))).pid),
    },
    { name: 'nats', run: async (bench) => settled((await startNats(bench)).running.pid) },
    { name: 'redis', run: async (bench) => settled((await startRedis(bench)).running.pid) },
  ],
}

const sessionsOf = ({ isQuick }: Bench) => (isQuick ? 2000 : 5000)

const idleSessions: Contestant = {
  name: OURS,
  run: async (bench) => {
    const { stage } = bench
    const count = sessionsOf(bench)
    const ours = await startBroker(bench, IPC, probed(stage))
    const { pid } = ours.broker
    await startChildlessHost(bench, ours, { sessions: 10_000 })
    // The first ones warm up what every broker has, and what one has that has seen many.
    await startSessions(ours, count)
    const before = await collected(stage, pid)
    await startSessions(ours, count)
    const after = await collected(stage, pid)
    return {
      value: ((after.ownMb - before.ownMb) * 1000) / count,
      more: { 'heap KB a session': ((after.heapMb - before.heapMb) * 1000) / count },
    }
  },
}

/** After a collection, and after V8 has given back what that has freed. */
async function collected(stage: Stage, pid: number) {
  await delay(SETTLE_MS)
  await askProbe(stage, pid)
  await delay(SETTLE_MS)
  const { heapMb } = await askProbe(stage, pid)
  return { heapMb, ownMb: memoryMb(pid, 'RssAnon') }
}

const perSession: Measure = {
  name: 'memory-per-session',
  title: 'memory that an idle session takes in the broker',
  unit: 'KB',
  better: 'less',
  about:
    'Growth of the broker’s own memory (without pages of files) from 5,000 sessions that were created and do nothing to 10,000, after a collection. A part of it are the answers to `session.create`, which are kept for a day in case of a repeat. No peer has sessions. With 100 readers that never read: `npm run test:fault -- --scenarios only --minutes 10` ([reliability.md](reliability.md)).',
  goals: [{ atMost: 4 }],
  contestants: [idleSessions],
}

export const MEMORY: readonly Measure[] = [idle, perSession]
