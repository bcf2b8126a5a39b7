/** `agentmq shim`: flags, environment and file -> config -> doors; signals -> drain -> exit code. */
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Environment } from '../../protocol/endpoints.ts'
import { type ErrorCode, ProtocolError } from '../../protocol/errors.ts'
import { readSources } from '../../protocol/process/command-line.ts'
import { endAsked, explain, logger, say, tellReady } from '../../protocol/process/life.ts'
import { secretsOf } from '../../protocol/process/redaction.ts'
import { secretValues } from '../../protocol/secret-settings.ts'
import { flagsOf } from '../../protocol/settings.ts'
import { type Client, type ConnectOptions, connect } from '../sdk/index.ts'
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
  const log = logger('shim', config, [
    ...secretValues(ShimSettings, config),
    ...secretsOf(process.env),
  ])
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

/** What may be otherwise soon: a broker starts, somebody approves the key. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  ...(['UNREACHABLE', 'KEY_NOT_APPROVED', 'WRONG_BROKER_KEY', 'CURVE_MISMATCH'] as const),
])

/** Waits for a broker as long as it takes. Undefined when the shim was told to end first. */
async function connectAtLast(config: ShimConfig, signal: AbortSignal): Promise<Client | undefined> {
  for (let told: ErrorCode | undefined; !signal.aborted; ) {
    try {
      return await connect({ ...placeOf(config), signal })
    } catch (thrown) {
      const error = ProtocolError.from(thrown, 'client')
      if (error.code === 'CANCELLED') return undefined
      if (!PASSING.has(error.code)) throw error
      if (error.code !== told) tellWaiting(error)
      told = error.code
    }
  }
  return undefined
}

function placeOf({ places: { endpoint, stateDir }, access }: ShimConfig): ConnectOptions {
  return {
    endpoint,
    dir: stateDir,
    brokerKey: access.broker_key,
    keyFile: access.key_file,
    foreignSocket: access.foreign_socket,
    role: 'gateway',
    software: 'agentmq-shim',
  }
}

function tellWaiting(error: ProtocolError): void {
  const { code, message, details } = error
  process.stderr.write(`${PROGRAM.name}: ${message}; trying again\n`)
  if (code !== 'KEY_NOT_APPROVED') return
  const approve = `agentmq keys approve ${details['key']} --as shim --role gateway`
  process.stderr.write(`  → on the broker's machine: ${approve}\n`)
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
    tellReady(config, { doors: addresses, closed })
    const end = await Promise.race([asked, refusal(client)])
    log.info({ reason: end instanceof ProtocolError ? end.code : end }, 'shim ending')
    return end instanceof ProtocolError ? explain(PROGRAM.name, end) : 0
  } finally {
    await shim.stop()
  }
}

/** Resolves when the broker says that this shim may not be one any more. */
function refusal(client: Client): Promise<ProtocolError> {
  return new Promise((resolve) => {
    client.onStatus((status) => {
      if (status.type === 'refused') resolve(status.error)
    })
    void client.closed.then(() => resolve(new ProtocolError('CONNECTION_CLOSED')))
  })
}

function tellFailed(door: string, error: ProtocolError): void {
  say(PROGRAM.name, `door ${door}: ${error.message}; it stays shut`)
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
