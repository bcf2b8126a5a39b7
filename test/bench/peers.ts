/**
 * The peers' clients and servers: where they are, in which version, or why they are not there. The clients
 * are installed into a cache as the real CLIs of `test/real` are, and loaded from there by the programs.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from '../real/lock.ts'

/** Compiled, this file lies in dist/test/bench, but the manifest stays in the sources. */
const SOURCES = fileURLToPath(new URL('../../../test/bench/', import.meta.url))
const FILES = ['package.json', 'package-lock.json'] as const
/** What an installation leaves once it is complete. */
const STAMP = 'installed'

export const CLIENTS = ['@nats-io/transport-node', '@nats-io/jetstream', 'redis'] as const
export type ClientName = (typeof CLIENTS)[number]

export function clientCache(env: NodeJS.ProcessEnv = process.env): string {
  const { AGENTMQ_BENCH_CACHE: own, XDG_CACHE_HOME: caches } = env
  // An empty variable is as good as none, hence no `??`.
  return own || join(caches || join(homedir(), '.cache'), 'agentmq', 'bench')
}

function wanted(): string {
  const lock = readFileSync(join(SOURCES, 'package-lock.json'))
  return createHash('sha256').update(lock).digest('hex')
}

function isInstalled(cache: string): boolean {
  const stamp = join(cache, STAMP)
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted()
}

/** Undefined when the clients are there, else why they are not. */
export async function installClients(cache: string): Promise<string | undefined> {
  try {
    await withLock(cache, async () => isInstalled(cache) || (await install(cache)))
    return undefined
  } catch (thrown) {
    return `its client is not installed: ${thrown instanceof Error ? thrown.message : String(thrown)}`
  }
}

async function install(cache: string): Promise<void> {
  await mkdir(cache, { recursive: true })
  await rm(join(cache, STAMP), { force: true })
  for (const file of FILES) await copyFile(join(SOURCES, file), join(cache, file))
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error']
  const child = spawn('npm', ['ci', '--prefix', cache, ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (code !== 0) throw new Error(`npm ci ended with ${signal ?? code}`)
  await writeFile(join(cache, STAMP), wanted())
}

export function clientVersion(cache: string, name: ClientName): string | undefined {
  const file = join(cache, 'node_modules', name, 'package.json')
  if (!existsSync(file)) return undefined
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

export const SERVERS = {
  nats: { variable: 'AGENTMQ_BENCH_NATS_SERVER', command: 'nats-server', version: /v([\d.]+)/ },
  redis: { variable: 'AGENTMQ_BENCH_REDIS_SERVER', command: 'redis-server', version: /v=([\d.]+)/ },
} as const
export type ServerName = keyof typeof SERVERS

export interface Server {
  readonly command: string
  /** Undefined when it does not run. */
  readonly version: string | undefined
}

export function findServer(name: ServerName, env: NodeJS.ProcessEnv = process.env): Server {
  const row = SERVERS[name]
  const command = env[row.variable] || row.command
  try {
    const said = execFileSync(command, ['--version'], { encoding: 'utf8' })
    return { command, version: row.version.exec(said)?.[1] ?? said.trim() }
  } catch {
    return { command, version: undefined }
  }
}

/** All that there is of the peers, or why it is not there. */
export interface Peers {
  /** Where the clients are installed. */
  readonly cache: string
  readonly servers: Readonly<Record<ServerName, Server>>
  /** Undefined when the clients are there. */
  readonly clientsMissing: string | undefined
}

export async function findPeers(): Promise<Peers> {
  const cache = clientCache()
  const servers = { nats: findServer('nats'), redis: findServer('redis') }
  return { cache, servers, clientsMissing: await installClients(cache) }
}

/** Why a peer cannot take part; undefined when it can. */
export function missingPeer({ servers, clientsMissing }: Peers, name: ServerName) {
  const { command, version } = servers[name]
  return version === undefined ? `${command} does not run here` : clientsMissing
}
