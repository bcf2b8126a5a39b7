/** For each contestant of the measures of calls: everything started, and a process that makes the calls. */
import type { AgentmqOptions, CallerOptions } from '../callers/caller.ts'
import { BODY_BYTES } from '../callers/caller.ts'
import { VALUES } from '../callers/nats.ts'
import { connectNats, jetStreamManager, jetStreamOf } from '../callers/nats-client.ts'
import { KEY } from '../callers/redis.ts'
import { connectRedis } from '../callers/redis-client.ts'
import type { Bench } from '../measures/measure.ts'
import type { Program } from '../stage/program.ts'
import type { Transport } from '../transports.ts'
import {
  asClient,
  CHILDLESS,
  type Ours,
  startBroker,
  startChildlessHost,
  startSession,
} from './agentmq.ts'
import { startNats, startRedis } from './servers.ts'

export interface Calling {
  readonly caller: Program
  /** The process in the middle, for its memory. */
  readonly middle: { readonly pid: number }
}

export type OpenCalling = (bench: Bench) => Promise<Calling>

function callerOf({ stage }: Bench, options: CallerOptions): Promise<Program> {
  return stage.program('caller', options)
}

/** Client, broker, host, broker, client: a line for the stdin of a process that is not there. */
export function throughHost(transport: Transport, isJournalled: boolean): OpenCalling {
  return async (bench) => {
    const ours = await startBroker(bench, transport)
    await startChildlessHost(bench, ours)
    const session = await startSession(bench, ours, CHILDLESS)
    const what = { method: 'brokered', session, isJournalled } as const
    return agentmqCalling(bench, ours, what)
  }
}

/** A process that has a host that is there asked for what it sees of a new session, over and over. */
export async function callerOn(bench: Bench, ours: Ours): Promise<Program> {
  const session = await startSession(bench, ours, CHILDLESS)
  const what = { method: 'brokered', session, isJournalled: false } as const
  return callerOf(bench, { kind: 'agentmq', connect: ours.meeting.client, what })
}

/** Client, broker, client: a value of the shared state. */
export function storedValue(transport: Transport): OpenCalling {
  return async (bench) => {
    const ours = await startBroker(bench, transport)
    const value = 'x'.repeat(BODY_BYTES)
    await asClient(ours, (client) => client.call('state.set', { key: 'bench', value }))
    return agentmqCalling(bench, ours, { method: 'state.get', key: 'bench' })
  }
}

async function agentmqCalling(
  bench: Bench,
  { broker, meeting }: Awaited<ReturnType<typeof startBroker>>,
  what: AgentmqOptions['what'],
): Promise<Calling> {
  const caller = await callerOf(bench, { kind: 'agentmq', connect: meeting.client, what })
  return { caller, middle: broker }
}

export function rawOneHop(transport: Transport): OpenCalling {
  return async (bench) => {
    const place = await transport.raw(bench.stage.dir, 'echo')
    const middle = await bench.stage.program('raw-echo', place)
    return { caller: await callerOf(bench, { kind: 'zeromq', place }), middle }
  }
}

export const plainBroker: OpenCalling = async (bench) => {
  const { stage } = bench
  const clients = `ipc://${stage.dir}/clients`
  const workers = `ipc://${stage.dir}/workers`
  const middle = await stage.program('plain-broker', { clients, workers })
  await stage.program('plain-worker', { endpoint: workers })
  const place = { endpoint: clients, client: {} }
  return { caller: await callerOf(bench, { kind: 'zeromq', place }), middle }
}

export const natsRequest: OpenCalling = async (bench) => {
  const { cache } = bench.peers
  const { running, url } = await startNats(bench)
  await bench.stage.program('nats-responder', { cache, url })
  return { caller: await callerOf(bench, { kind: 'nats', cache, url }), middle: running }
}

export const jetStreamGet: OpenCalling = async (bench) => {
  const { cache } = bench.peers
  const { running, url } = await startNats(bench)
  const connection = await connectNats(cache, url)
  const manager = await jetStreamManager(cache, connection)
  const { stream: name, subject } = VALUES
  await manager.streams.add({ name, subjects: [subject], storage: 'file', allow_direct: true })
  await jetStreamOf(cache, connection).publish(subject, Buffer.alloc(BODY_BYTES, 'x'))
  await connection.close()
  return { caller: await callerOf(bench, { kind: 'jetstream-get', cache, url }), middle: running }
}

export const redisGet: OpenCalling = async (bench) => {
  const { cache } = bench.peers
  const { running, path } = await startRedis(bench)
  const client = await connectRedis(cache, path)
  await client.set(KEY, 'x'.repeat(BODY_BYTES))
  await client.close()
  return { caller: await callerOf(bench, { kind: 'redis-get', cache, path }), middle: running }
}
