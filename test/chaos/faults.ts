/** What each fault does to the system. A fault resolves when its cause is gone again. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PartProcess } from './part-process.ts'
import { LINES } from './places.ts'
import type { ProxyOrder } from './proxy-orders.ts'
import type { Blow, FaultName } from './schedule.ts'
import type { System } from './system.ts'

type Fault = (system: System, blow: Blow) => Promise<void>

const INFLICT: Readonly<Record<FaultName, Fault>> = {
  'broker kill': async (system, blow) => {
    await system.broker.end('SIGKILL')
    await sleep(upTo(blow, 300)) // how long it is away
    await system.startBroker()
  },
  'broker restart': async (system) => {
    await system.broker.end('SIGTERM')
    await system.startBroker()
  },
  'broker short stop': (system, blow) => freeze(system.broker, shortMs(system, blow)),
  'broker long stop': (system, blow) => freeze(system.broker, longMs(system, blow)),
  'host kill': (system, blow) => restartHost(system, blow, 'SIGKILL'),
  'host restart': (system, blow) => restartHost(system, blow, 'SIGTERM'),
  'host short stop': (system, blow) => freeze(hostOf(system, blow), shortMs(system, blow)),
  'host long stop': (system, blow) => freeze(hostOf(system, blow), longMs(system, blow)),
  'agent kill': (system, blow) => signalAgent(system, blow, 'SIGKILL'),
  'agent end': (system, blow) => signalAgent(system, blow, 'SIGTERM'),
  'agent stop': async (system, blow) => {
    const pid = await agentOf(system, blow)
    signalPid(pid, 'SIGSTOP')
    await sleep(upTo(blow, 600))
    signalPid(pid, 'SIGCONT')
  },
  'client kill': (system, blow) => restartClient(system, blow, 'SIGKILL'),
  'client restart': (system, blow) => restartClient(system, blow, 'SIGTERM'),
  'client short stop': (system, blow) => freeze(clientOf(system, blow), shortMs(system, blow)),
  'client long stop': (system, blow) => freeze(clientOf(system, blow), longMs(system, blow)),
  'net cut': (system, blow) => disturb(system, blow, ['cut'], 0),
  'net delay': (system, blow) => {
    const delayMs = 20 + upTo(blow, 180)
    return disturb(system, blow, [{ delayMs }], 600)
  },
  'net short hold': (system, blow) => disturb(system, blow, ['hold'], shortMs(system, blow)),
  'net long hold': (system, blow) => disturb(system, blow, ['hold'], longMs(system, blow)),
  'net half-open': (system, blow) => disturb(system, blow, ['half-open'], upTo(blow, 800)),
  'net refuse': (system, blow) => disturb(system, blow, ['refuse', 'cut'], upTo(blow, 600)),
}

export async function inflict(system: System, blow: Blow): Promise<void> {
  await sleep(blow.afterMs) // the moment of the fault is part of the schedule
  await INFLICT[blow.fault](system, blow)
}

function upTo({ extent }: Blow, ms: number): number {
  return Math.floor(extent * ms)
}

/** Clearly shorter than the time after which a peer counts as lost. */
function shortMs({ options }: System, blow: Blow): number {
  return 50 + upTo(blow, options.livenessMs / 2)
}

/** Clearly longer. */
function longMs({ options }: System, blow: Blow): number {
  return options.livenessMs * 1.3 + upTo(blow, options.livenessMs)
}

function pick<T>(all: Iterable<T>, { target }: Blow): T {
  const list = [...all]
  const one = list[Math.floor(target * list.length)]
  if (one === undefined) throw new Error('there is nothing to choose from')
  return one
}

function hostOf({ hosts }: System, blow: Blow): PartProcess {
  return pick(hosts.values(), blow)
}

function clientOf({ clients }: System, blow: Blow): PartProcess {
  return pick(clients.values(), blow)
}

async function freeze(part: PartProcess, ms: number): Promise<void> {
  part.signal('SIGSTOP')
  await sleep(ms)
  part.signal('SIGCONT')
}

async function restartHost(system: System, blow: Blow, signal: NodeJS.Signals): Promise<void> {
  const host = hostOf(system, blow)
  await host.end(signal)
  await system.startHost(host.name)
}

async function restartClient(system: System, blow: Blow, signal: NodeJS.Signals): Promise<void> {
  const client = clientOf(system, blow)
  await client.end(signal)
  await system.startClient(client.name)
}

async function signalAgent(system: System, blow: Blow, signal: NodeJS.Signals): Promise<void> {
  signalPid(await agentOf(system, blow), signal)
}

/** Null when the session that was drawn has none just now. */
async function agentOf(system: System, blow: Blow): Promise<number | null> {
  return (await system.driver.session(pick(system.sessions, blow)).refresh()).pid
}

/** A second fault may have ended it meanwhile. */
function signalPid(pid: number | null, signal: NodeJS.Signals): void {
  try {
    if (pid !== null) process.kill(pid, signal)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
  }
}

async function disturb(
  { proxies }: System,
  blow: Blow,
  orders: readonly ProxyOrder[],
  ms: number,
): Promise<void> {
  const line = pick(LINES, blow)
  for (const order of orders) await proxies.order(line, order)
  await sleep(ms)
  await proxies.order(line, 'heal')
}
