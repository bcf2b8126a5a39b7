/** Several clients count on one key of the state by compare-and-set, while the broker is killed again and again. */
import { rmSync } from 'node:fs'
import { type Client, connect, ProtocolError } from '../../../clients/sdk/index.ts'
import { filesOf, processesOf } from '../leftovers.ts'
import { becomesTrue } from '../patience.ts'
import { System } from '../system.ts'

export interface CountersOptions {
  readonly clients: number
  /** How often each client adds one. */
  readonly increments: number
  /** How often the broker is killed, evenly over the counting. */
  readonly kills: number
}

export interface CountersResult {
  /** What the key holds in the end, and its version. */
  readonly value: unknown
  readonly version: number
  /** Versions that were told in `@events`, in the order of the telling. */
  readonly told: readonly unknown[]
  /** How often somebody else was first. */
  readonly conflicts: number
  readonly kills: number
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

const KEY = 'counter'

export async function counters(options: CountersOptions): Promise<CountersResult> {
  const system = new System({ ...SMALL, livenessMs: 2000 })
  try {
    await system.start()
    const counted = await countThroughKills(system, options)
    await system.stop()
    await becomesTrue(() => processesOf(system.dir).length === 0, 10_000)
    const leftovers = [...system.surprises, ...processesOf(system.dir), ...filesOf(system.dir)]
    return { ...counted, leftovers }
  } finally {
    await system.stop()
    rmSync(system.dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function countThroughKills(
  system: System,
  { clients: count, increments, kills }: CountersOptions,
): Promise<Omit<CountersResult, 'leftovers'>> {
  const { endpoint } = system
  const clients = await Promise.all(Array.from({ length: count }, () => connect({ endpoint })))
  let [done, conflicts, killed] = [0, 0, 0]
  let isBack: Promise<void> = Promise.resolve()
  const work = async (client: Client): Promise<void> => {
    for (let added = 0; added < increments; added += 1) {
      conflicts += await addOne(client)
      done += 1
      if (killed >= kills || done < ((killed + 1) * count * increments) / (kills + 1)) continue
      killed += 1
      isBack = isBack.then(() => restart(system))
    }
  }
  try {
    await Promise.all(clients.map(work))
    await isBack
    const { value, version } = await system.driver.call('state.get', { key: KEY })
    return { value, version, told: await versionsTold(system.driver), conflicts, kills: killed }
  } finally {
    await Promise.all(clients.map((client) => client.close()))
  }
}

/** Adds one to what is there, and tells how often somebody else was first. */
async function addOne(client: Client): Promise<number> {
  for (let conflicts = 0; ; conflicts += 1) {
    const { value, version } = await read(client)
    try {
      await client.call('state.set', { key: KEY, value: value + 1, version })
      return conflicts
    } catch (thrown) {
      if (!isOf(thrown, 'VERSION_CONFLICT')) throw thrown
    }
  }
}

async function read(client: Client): Promise<{ value: number; version: number }> {
  try {
    const { value, version } = await client.call('state.get', { key: KEY })
    return { value: Number(value), version }
  } catch (thrown) {
    if (isOf(thrown, 'NO_SUCH_KEY')) return { value: 0, version: 0 }
    throw thrown
  }
}

function isOf(thrown: unknown, code: string): boolean {
  return thrown instanceof ProtocolError && thrown.code === code
}

async function versionsTold(client: Client): Promise<unknown[]> {
  const { head } = await client.call('stream.read', { session: '@events', from: 1, max_count: 1 })
  const told: unknown[] = []
  for await (const item of client.follow('@events')) {
    if (item.type === 'event' && item.topic === 'state') told.push(item.data['version'])
    if ('seq' in item && item.seq >= head) break
  }
  return told
}

async function restart(system: System): Promise<void> {
  await system.broker.end('SIGKILL')
  await system.startBroker()
}
