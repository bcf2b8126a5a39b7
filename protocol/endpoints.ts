/** Where the sockets and files of a local installation are, as a function of the environment. */
import { join } from 'node:path'
import { ProtocolError } from './errors.ts'
import { KEY_CHARS } from './keys/z85.ts'
import { Type } from './typebox.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Longest path of a Unix socket on Linux: sun_path without its final zero (unix(7)). */
export const MAX_IPC_PATH_BYTES = 107

/** The settings that every part shares, so that they find each other. */
export const placeSettings = {
  dir: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Keep sockets and state under this directory in place of the XDG directories',
    }),
  ),
  endpoint: Type.Optional(
    Type.String({
      pattern: '^(ipc|tcp)://.+',
      description: 'ROUTER endpoint of the broker; default: ipc in the runtime directory',
    }),
  ),
}

/** How a peer comes to trust a broker, and the broker it. */
export const accessSettings = {
  broker_key: Type.Optional(
    Type.String({
      minLength: KEY_CHARS,
      maxLength: KEY_CHARS,
      description: 'Public key of the broker at a tcp endpoint, as `agentmq keys list` shows it',
    }),
  ),
  key_file: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Own key pair for it, made when it is missing; default: in the state directory',
    }),
  ),
  foreign_socket: Type.Optional(
    Type.Boolean({
      description: 'Believe a broker on this machine whose socket belongs to another user',
    }),
  ),
}

export const brokerKeySetting = {
  broker_key_file: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Key pair of the broker; default: keys/broker.key in the state directory',
    }),
  ),
}

/** A place by its name. */
export const contextSetting = {
  context: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'A place of the section "contexts" of the config file',
    }),
  ),
}

export interface AccessSettings {
  readonly broker_key?: string | undefined
  readonly key_file?: string | undefined
  readonly foreign_socket?: boolean | undefined
}

export interface Places {
  /** Directory for sockets and locks; the broker makes it with mode 0700. */
  readonly runtimeDir: string
  /** Directory for the journal, host ids and logs. */
  readonly stateDir: string
  /** ROUTER endpoint. */
  readonly endpoint: string
  /** XPUB endpoint of a local broker. */
  readonly streams: string
}

export interface PlaceSettings extends AccessSettings {
  readonly dir?: string | undefined
  readonly endpoint?: string | undefined
}

/** Throws BAD_CONFIG when there is no home directory to fall back on, or a socket path is none. */
export function resolvePlaces(env: Environment, settings: PlaceSettings = {}): Places {
  const stateDir = settings.dir ?? join(stateHome(env), 'agentmq')
  const runtimeDir = settings.dir === undefined ? runtimeHome(env, stateDir) : join(stateDir, 'run')
  const { endpoint } = settings
  const streams = ipc(runtimeDir, 'streams.sock')
  if (endpoint !== undefined) {
    checkSocketPath(endpoint, 'endpoint')
    return { runtimeDir, stateDir, endpoint, streams }
  }
  checkSocketPath(streams, '--dir') // the longer one
  return { runtimeDir, stateDir, endpoint: ipc(runtimeDir, 'broker.sock'), streams }
}

/** The file of the broker's own key pair. */
export function brokerKeyPath(
  { broker_key_file }: { readonly broker_key_file?: string | undefined },
  { stateDir }: Pick<Places, 'stateDir'>,
): string {
  return broker_key_file ?? join(stateDir, 'keys', 'broker.key')
}

function stateHome(env: Environment): string {
  const home = env['XDG_STATE_HOME'] || (env['HOME'] && join(env['HOME'], '.local', 'state'))
  if (home) return home
  throw new ProtocolError('BAD_CONFIG', {
    source: 'environment',
    reason: 'neither --dir nor XDG_STATE_HOME nor HOME says where to keep state',
  })
}

function runtimeHome(env: Environment, stateDir: string): string {
  const runtime = env['XDG_RUNTIME_DIR']
  return runtime ? join(runtime, 'agentmq') : join(stateDir, 'run')
}

function ipc(directory: string, name: string): string {
  return `ipc://${join(directory, name)}`
}

/** Throws BAD_CONFIG for an ipc endpoint that the system cannot take, or that nobody could keep to himself. */
export function checkSocketPath(endpoint: string, source: string): void {
  const path = ipcPath(endpoint)
  if (path === undefined) return
  const reason = problemOfPath(path)
  if (reason !== undefined) throw new ProtocolError('BAD_CONFIG', { source, reason })
}

function problemOfPath(path: string): string | undefined {
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_IPC_PATH_BYTES) {
    return `the socket path ${path} has ${bytes} bytes, ${MAX_IPC_PATH_BYTES} are allowed; choose a shorter directory, such as --dir /tmp/NAME`
  }
  // To ZeroMQ these are a socket without a file, which every user may open, and a path of its own choice.
  if (path.startsWith('@') || path === '*') return `ipc://${path} is no path of a socket file`
  return undefined
}

/** The endpoint with the host under which the broker was reached, where it leaves that to its peers. */
export function reachable(endpoint: string, reachedAt: string): string {
  const host = /^tcp:\/\/(.+):\d+$/.exec(reachedAt)?.[1]
  return host === undefined ? endpoint : endpoint.replace(/^tcp:\/\/\*:/, () => `tcp://${host}:`)
}

/** The file behind an ipc endpoint; undefined for other transports. */
export function ipcPath(endpoint: string): string | undefined {
  return endpoint.startsWith('ipc://') ? endpoint.slice('ipc://'.length) : undefined
}
