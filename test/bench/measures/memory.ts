/** Memory of the process in the middle: idle, and with sessions that do nothing. */
import { setTimeout as delay } from 'node:timers/promises'
import { startBroker, startChildlessHost, startSessions } from '../contestants/agentmq.ts'
import { startNats, startRedis } from '../contestants/servers.ts'
import { askProbe, probed } from '../stage/probe.ts'
import { memoryMb } from '../stage/proc.ts'
import { IPC } from '../transports.ts'
import { type Bench, type Contestant, type Measure, OURS, type Sample } from './measure.ts'

/** Memory is looked at when nothing has happened for so long, ms. */
const SETTLE_MS = 3000

async function settled(pid: number): Promise<Sample> {
  await delay(SETTLE_MS)
  const value = memoryMb(pid, 'VmRSS')
  return { value, more: { 'anonymous MB': memoryMb(pid, 'RssAnon') } }
}

const idle: Measure = {
  name: 'memory-idle',
  title: 'memory of an idle broker',
  unit: 'MB',
  better: 'less',
  floor: 'node-zeromq',
  about:
    'Resident set of the broker 3 s after its start, with the pages of its program. `node-zeromq` is a Node process that has loaded zeromq.js and bound a socket, which is all that the plain broker is. NATS and Redis are native programs.',
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
    // The first ones warm up what every broker has.
    await startSessions(ours, 500)
    await delay(SETTLE_MS)
    const heapBefore = (await askProbe(stage, pid)).heapMb
    const before = memoryMb(pid, 'RssAnon')
    await startSessions(ours, count)
    await delay(SETTLE_MS)
    const heapAfter = (await askProbe(stage, pid)).heapMb
    const grown = (memoryMb(pid, 'RssAnon') - before) * 1000
    return {
      value: grown / count,
      more: { 'heap KB a session': ((heapAfter - heapBefore) * 1000) / count },
    }
  },
}

const perSession: Measure = {
  name: 'memory-per-session',
  title: 'memory that an idle session takes in the broker',
  unit: 'KB',
  better: 'less',
  about:
    'Growth of the broker’s own memory (without pages of files) over 5,000 sessions that were created and do nothing, after a collection. Most of it may be the answers to `session.create`, which are kept for a day in case of a repeat. No peer has sessions. With 100 readers that never read: `npm run test:fault -- --scenarios only --minutes 10` ([reliability.md](reliability.md)).',
  goals: [{ atMost: 4 }],
  contestants: [idleSessions],
}

export const MEMORY: readonly Measure[] = [idle, perSession]
