/** Connecting: resolves the options, wires the real clock, randomness and sockets, waits for WELCOME. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Environment,
  type PlaceSettings,
  type Places,
  resolvePlaces,
} from '../../protocol/endpoints.ts'
import type { ProtocolError } from '../../protocol/errors.ts'
import { credentialsOf } from '../../protocol/keys/peer-keys.ts'
import { meantPlace } from '../../protocol/meant-place.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import { contextPlace } from '../../protocol/process/context-file.ts'
import type { KnownKeys } from '../../protocol/process/peer-keys.ts'
import { distrustOf } from '../../protocol/process/private-place.ts'
import { PROTOCOL_VERSION } from '../../protocol/version.ts'
import { cancelled } from './caller.ts'
import { Client } from './client.ts'
import { diagnose } from './diagnosis.ts'
import { SDK_LIMITS } from './limits.ts'

export interface ConnectOptions {
  /** Name of a place in the section `contexts` of the config file; what else is said here goes over it. */
  readonly context?: string | undefined
  /** ROUTER endpoint of the broker; default: that of the local broker. */
  readonly endpoint?: string | undefined
  /** Directory of a local installation, as `--dir`. */
  readonly dir?: string | undefined
  /** Where XDG directories are looked up; default: `process.env`. */
  readonly env?: Environment | undefined
  /** Public key of a broker that is reached over a network, Z85. */
  readonly brokerKey?: string | undefined
  /** File of the own key pair for it; made when it is missing. */
  readonly keyFile?: string | undefined
  /** Believe a broker on this machine whose socket belongs to another user. */
  readonly foreignSocket?: boolean | undefined
  /** Who to be; default: `local` on this machine, over a network whoever has the own key. */
  readonly principal?: string | undefined
  /** The most to be; default: `admin`. The broker grants what the principal has of it. */
  readonly role?: Role | undefined
  /** Name and version of the program, for people. */
  readonly software?: string | undefined
  /** Default deadline of calls, ms. */
  readonly deadlineMs?: number | undefined
  /** Aborts connecting. */
  readonly signal?: AbortSignal | undefined
  /** How long to wait for the broker, ms. */
  readonly connectTimeoutMs?: number | undefined
}

/**
 * Resolves once the broker has said WELCOME. After `connectTimeoutMs` it rejects with what is the matter, as
 * far as it can be found out: UNREACHABLE, KEY_NOT_APPROVED, WRONG_BROKER_KEY, CURVE_MISMATCH. Before that with
 * what the broker refused, with BAD_CONFIG, or with CANCELLED.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const { signal } = options
  if (signal?.aborted) throw cancelled(signal, 'no')
  const place = placeOf(options)
  const places = resolvePlaces(options.env ?? process.env, place)
  const { endpoint } = places
  const known = await keysFor(places, place, options)
  const distrust = distrustOf(endpoint, place)
  const doubt = distrust?.()
  if (doubt) throw doubt
  const client = await openClient(endpoint, options, { known, distrust })
  try {
    if (await isWelcome(client, options)) return client
    const { problem, trouble } = client
    throw await diagnose(endpoint, { problem, trouble, hasKeys: known !== undefined })
  } catch (thrown) {
    await client.close()
    throw thrown
  }
}

function placeOf(options: ConnectOptions): PlaceSettings {
  const { context, endpoint, dir, env = process.env, brokerKey, keyFile, foreignSocket } = options
  const trust = { broker_key: brokerKey, key_file: keyFile, foreign_socket: foreignSocket }
  return meantPlace([{ context, endpoint, dir, ...trust }], (name) => contextPlace(name, env))
}

/** Reads files only where keys are needed. Throws BAD_CONFIG. */
async function keysFor(places: Places, settings: PlaceSettings, { role }: ConnectOptions) {
  if (settings.broker_key === undefined) return undefined
  const { peerKeys } = await import('../../protocol/process/peer-keys.ts')
  const name = role === 'gateway' ? 'shim' : 'client'
  return peerKeys({ settings, places, name }, randomBytes)
}

/** How both sides come to trust each other. */
interface Trust {
  readonly known: KnownKeys | undefined
  readonly distrust: (() => ProtocolError | undefined) | undefined
}

async function openClient(
  endpoint: string,
  options: ConnectOptions,
  { known, distrust }: Trust,
): Promise<Client> {
  const { principal = known ? '' : 'local' } = options
  // The native module is loaded when it is needed, so that importing the SDK stays cheap.
  const { curveTransport, zeromqTransport } = await import('./sockets.ts')
  return new Client({
    endpoint,
    principal,
    role: options.role ?? 'admin',
    software: options.software ?? `agentmq-sdk/${PROTOCOL_VERSION}`,
    deadlineMs: options.deadlineMs ?? SDK_LIMITS.deadlineMs,
    transport: known ? curveTransport(known.keys) : zeromqTransport,
    credentials: known && credentialsOf(known.keys),
    learnKey: (next) => known?.learn(next),
    distrust,
    now: () => performance.now(),
    random: Math.random,
    randomBytes,
    pause: (ms, signal) => sleep(ms, undefined, { signal }),
    every,
  })
}

/** Does not keep the process alive. */
function every(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms)
  timer.unref()
  return () => clearInterval(timer)
}

/** False when the time is over. Throws what the broker refused, and CANCELLED. */
async function isWelcome(
  client: Client,
  { signal, connectTimeoutMs = SDK_LIMITS.connectTimeoutMs }: ConnectOptions,
): Promise<boolean> {
  const timeout = AbortSignal.timeout(connectTimeoutMs)
  const isConnected = await firstAnswer(client, signal ? [signal, timeout] : [timeout])
  if (signal?.aborted) throw cancelled(signal, 'no')
  return isConnected
}

/** True = WELCOME; false = a signal came first. Throws what the broker refused. */
function firstAnswer(client: Client, signals: readonly AbortSignal[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      stop()
      for (const signal of signals) signal.removeEventListener('abort', onAbort)
      settle()
    }
    const onAbort = () => end(() => resolve(false))
    const stop = client.onStatus((status) => {
      if (status.type === 'connected') end(() => resolve(true))
      else if (status.type === 'refused') end(() => reject(status.error))
    })
    for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true })
  })
}
