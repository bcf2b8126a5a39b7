/** What each fault does to the system. A fault resolves when its cause is gone again. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PartProcess } from './part-process.ts'
import type { FaultyProxy } from './proxy.ts'
import type { FaultName, Round } from './schedule.ts'
import type { Line, System } from './system.ts'

type Fault = (system: System, round: Round) => Promise<void>

const LINES: readonly Line[] = ['calls', 'streams', 'hosts']

export const INFLICT: Readonly<Record<FaultName, Fault>> = {
  'broker kill': async (system, round) => {
    await system.broker.end('SIGKILL')
    await sleep(upTo(round, 300)) // how long it is away
    await system.startBroker()
  },
  'broker restart': async (system) => {
    await system.broker.end('SIGTERM')
    await system.startBroker()
  },
  'broker short stop': (system, round) => freeze(system.broker, shortMs(system, round)),
  'broker long stop': (system, round) => freeze(system.broker, longMs(system, round)),
  'host kill': (system, round) => restartHost(system, round, 'SIGKILL'),
  'host restart': (system, round) => restartHost(system, round, 'SIGTERM'),
  'host short stop': (system, round) => freeze(hostOf(system, round), shortMs(system, round)),
  'host long stop': (system, round) => freeze(hostOf(system, round), longMs(system, round)),
  'agent kill': (system, round) => signalAgent(system, round, 'SIGKILL'),
  'agent end': (system, round) => signalAgent(system, round, 'SIGTERM'),
  'agent stop': async (system, round) => {
    await signalAgent(system, round, 'SIGSTOP')
    await sleep(upTo(round, 600))
    await signalAgent(system, round, 'SIGCONT')
  },
  'client kill': (system, round) => restartClient(system, round, 'SIGKILL'),
  'client restart': (system, round) => restartClient(system, round, 'SIGTERM'),
  'client short stop': (system, round) => freeze(clientOf(system, round), shortMs(system, round)),
  'client long stop': (system, round) => freeze(clientOf(system, round), longMs(system, round)),
  'net cut': async (system, round) => lineOf(system, round).cut(),
  'net delay': (system, round) =>
    disturb(lineOf(system, round), (proxy) => proxy.delay(20 + upTo(round, 180)), 600),
  'net short hold': (system, round) => disturb(lineOf(system, round), hold, shortMs(system, round)),
  'net long hold': (system, round) => disturb(lineOf(system, round), hold, longMs(system, round)),
  'net half-open': (system, round) =>
    disturb(lineOf(system, round), (proxy) => proxy.halfOpen(), upTo(round, 800)),
  'net refuse': (system, round) =>
    disturb(
      lineOf(system, round),
      (proxy) => {
        proxy.become('refuse')
        proxy.cut()
      },
      upTo(round, 600),
    ),
}

function upTo({ extent }: Round, ms: number): number {
  return Math.floor(extent * ms)
}

/** Clearly shorter than the time after which a peer counts as lost. */
function shortMs({ options }: System, round: Round): number {
  return 50 + upTo(round, options.livenessMs / 2)
}

/** Clearly longer. */
function longMs({ options }: System, round: Round): number {
  return options.livenessMs * 1.3 + upTo(round, options.livenessMs)
}

function pick<T>(all: Iterable<T>, { target }: Round): T {
  const list = [...all]
  const one = list[Math.floor(target * list.length)]
  if (one === undefined) throw new Error('there is nothing to choose from')
  return one
}

function hostOf({ hosts }: System, round: Round): PartProcess {
  return pick(hosts.values(), round)
}

function clientOf({ clients }: System, round: Round): PartProcess {
  return pick(clients.values(), round)
}

function lineOf(system: System, round: Round): FaultyProxy {
  return system.proxy(pick(LINES, round))
}

function hold(proxy: FaultyProxy): void {
  proxy.become('hold')
}

async function freeze(part: PartProcess, ms: number): Promise<void> {
  part.signal('SIGSTOP')
  await sleep(ms)
  part.signal('SIGCONT')
}

async function restartHost(system: System, round: Round, signal: NodeJS.Signals): Promise<void> {
  const host = hostOf(system, round)
  await host.end(signal)
  await system.startHost(host.name)
}

async function restartClient(system: System, round: Round, signal: NodeJS.Signals): Promise<void> {
  const client = clientOf(system, round)
  await client.end(signal)
  await system.startClient(client.name)
}

async function signalAgent(system: System, round: Round, signal: NodeJS.Signals): Promise<void> {
  const { pid } = await system.driver.session(pick(system.sessions, round)).refresh()
  if (pid !== null) process.kill(pid, signal)
}

async function disturb(
  proxy: FaultyProxy,
  how: (proxy: FaultyProxy) => void,
  ms: number,
): Promise<void> {
  how(proxy)
  await sleep(ms)
  proxy.heal()
}
