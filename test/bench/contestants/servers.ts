/** The servers of the peers: settings as said in docs/benchmarks.md, loopback or Unix sockets only. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, NotRun } from '../measures/measure.ts'
import { missingPeer, type Peers, type ServerName } from '../peers.ts'
import { isListening } from '../stage/ports.ts'
import type { Running } from '../stage/running.ts'

export interface NatsServer {
  readonly running: Running
  readonly url: string
}

/** How JetStream writes to the disk: as shipped it syncs every two minutes, not for each message. */
export type JetStreamSync = 'as shipped' | 'always'

function natsConfig(storage: string, port: number, sync: JetStreamSync): string {
  mkdirSync(storage, { recursive: true })
  const syncing = sync === 'always' ? ', sync_interval: always' : ''
  return `host: 127.0.0.1\nport: ${port}\njetstream { store_dir: "${storage}"${syncing} }\n`
}

export async function startNats(
  { stage, peers }: Bench,
  sync: JetStreamSync = 'as shipped',
  storage = join(stage.dir, 'jetstream'),
): Promise<NatsServer> {
  const command = commandOf(peers, 'nats')
  const port = await stage.freePort()
  const file = join(stage.dir, 'nats.conf')
  writeFileSync(file, natsConfig(storage, port, sync))
  const args = ['-c', file]
  const isUp = () => isListening(port)
  const running = await stage.server({ name: 'nats-server', command, args, isUp })
  return { running, url: `nats://127.0.0.1:${port}` }
}

/** Whether this nats-server can sync each message; old ones have no such setting. */
export function knowsSyncAlways(peers: Peers, dir: string): boolean {
  const command = commandOf(peers, 'nats')
  const file = join(dir, 'sync.conf')
  writeFileSync(file, natsConfig(join(dir, 'sync'), 4222, 'always'))
  try {
    execFileSync(command, ['-t', '-c', file], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export interface RedisServer {
  readonly running: Running
  readonly path: string
}

/** An append-only file, synced before each reply; no snapshots, which would disturb. */
export async function startRedis(
  { stage, peers }: Bench,
  folder = stage.dir,
): Promise<RedisServer> {
  const command = commandOf(peers, 'redis')
  const path = join(stage.dir, 'redis.sock')
  const sockets = ['--port', '0', '--unixsocket', path]
  const durability = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '']
  const args = [...sockets, ...durability, '--dir', folder, '--daemonize', 'no']
  const isUp = () => isListening(path)
  const running = await stage.server({ name: 'redis-server', command, args, isUp })
  return { running, path }
}

/** Throws NotRun. */
function commandOf(peers: Peers, name: ServerName): string {
  const missing = missingPeer(peers, name)
  if (missing !== undefined) throw new NotRun(missing)
  return peers.servers[name].command
}
