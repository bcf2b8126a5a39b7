/** `agentmq shim`: flags, environment and file -> config -> doors; signals -> drain -> exit code. */
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Environment } from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { EXIT_FAILED, readSources } from '../../protocol/process/command-line.ts'
import { endAsked, explain, logger, tellReady } from '../../protocol/process/life.ts'
import { flagsOf } from '../../protocol/settings.ts'
import { type Client, connect } from '../sdk/index.ts'
import { AttachDesk } from './attach/desk.ts'
import { brokerStore } from './attach/key-store.ts'
import { Chats } from './chats.ts'
import { type ShimConfig, ShimSettings, shimConfig } from './config.ts'
import { DOORS } from './doors.ts'
import { HttpHooks } from './http/hooks.ts'
import { DoorMetrics } from './metrics/door-metrics.ts'
import { Shim } from './shim.ts'

const PROGRAM = {
  name: 'agentmq shim',
  purpose: 'Doors to a broker for HTTP, WebSocket, Unix sockets and the clients of the old daemon.',
  examples: [
    ['$0', 'open every door where the old clients look for it'],
    ['$0 --no-rep --http-port 8080', 'all but one, HTTP elsewhere'],
  ],
  flags: flagsOf(ShimSettings),
} as const

const ASKING_NOBODY = ['pub', 'events', 'rep', 'metrics', 'unix'] as const

/** Runs a shim until it is told to end. Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const config = await readConfig(argv, process.env)
    return config ? await run(config) : 0
  } catch (thrown) {
    return explain(PROGRAM.name, ProtocolError.from(thrown, 'client'))
  }
}

/** Undefined when only help was asked for. Throws BAD_CONFIG. */
async function readConfig(
  argv: readonly string[],
  env: Environment,
): Promise<ShimConfig | undefined> {
  const sources = await readSources('shim', argv, PROGRAM, env)
  return sources && shimConfig(sources)
}

async function run(config: ShimConfig): Promise<number> {
  const log = logger('shim', config)
  const ending = new AbortController()
  const asked = endAsked(config).then((reason) => {
    ending.abort()
    return reason
  })
  const client = await connectAtLast(config, ending.signal)
  if (client === undefined) return 0
  try {
    return await serve(config, client, log, asked)
  } finally {
    await client.close()
    log.info('shim ended')
  }
}

/** Waits for a broker as long as it takes. Undefined when the shim was told to end first. */
async function connectAtLast(
  { places: { endpoint }, access }: ShimConfig,
  signal: AbortSignal,
): Promise<Client | undefined> {
  for (let isTold = false; !signal.aborted; isTold = true) {
    try {
      const options = { ...access, endpoint, signal }
      return await connect({ ...options, role: 'gateway', software: 'agentmq-shim' })
    } catch (thrown) {
      const error = ProtocolError.from(thrown, 'client')
      if (error.code === 'CANCELLED') return undefined
      if (error.code !== 'UNREACHABLE') throw error
      if (isTold) continue
      process.stderr.write(`${PROGRAM.name}: ${error.message}; trying again\n`)
    }
  }
  return undefined
}

async function serve(
  config: ShimConfig,
  client: Client,
  log: Logger,
  asked: Promise<string>,
): Promise<number> {
  const shim = new Shim(worldOf(config, client), log, DOORS)
  try {
    await shim.start()
    const http = shim.failed.find(({ door }) => door === 'http')
    if (http && config.http_required) return explain(PROGRAM.name, http.error)
    for (const { door, error } of shim.failed) tellFailed(door, error)
    const { addresses, failed } = shim
    const closed = failed.map(({ door, error }) => ({ door, reason: error.message }))
    warnOfDoors(config, client, addresses, log)
    tellReady(config, { doors: addresses, closed })
    const reason = await Promise.race([asked, client.closed.then(() => undefined)])
    log.info({ reason: reason ?? 'the broker refused the shim' }, 'shim ending')
    return reason === undefined ? EXIT_FAILED : 0
  } finally {
    await shim.stop()
  }
}

/** What users must not see of each other, doors show that ask nobody who they are. */
function warnOfDoors(
  { act_for_users }: ShimConfig,
  { welcome: { roles } }: Client,
  open: Shim['addresses'],
  log: Logger,
): void {
  const doors = ASKING_NOBODY.filter((door) => open[door])
  const isMore = roles.some((role) => role !== 'gateway')
  if (act_for_users && isMore && doors.length > 0) {
    log.warn(
      { doors },
      'doors that ask for no token act as the shim, and show what is of all users',
    )
  }
}

function tellFailed(door: string, error: ProtocolError): void {
  process.stderr.write(`${PROGRAM.name}: door ${door}: ${error.message}; it stays shut\n`)
}

function worldOf(settings: ShimConfig, client: Client) {
  return {
    client,
    settings,
    chats: new Chats(),
    attach: new AttachDesk({
      store: brokerStore(client),
      wall: Date.now,
      uuid: randomUUID,
      ttlMs: settings.attach_token_ms,
    }),
    http: new HttpHooks(),
    metrics: new DoorMetrics(),
    now: () => performance.now(),
    wall: Date.now,
    random: Math.random,
    uuid: randomUUID,
    randomBytes,
    pause: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, { signal }),
    every: (ms: number, run: () => void) => {
      const timer = setInterval(run, ms)
      timer.unref()
      return () => clearInterval(timer)
    },
  }
}
