/** On what the numbers were measured, and with what. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import * as zeromq from 'zeromq'
import { SOFTWARE } from '../../../protocol/version.ts'
import { CLIENTS, clientVersion, type Peers } from '../peers.ts'

export function machine(place: string): Record<string, string | number> {
  const all = cpus()
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    'memory GB': Math.round(totalmem() / 1e9),
    kernel: `${type()} ${release()}`,
    'file system': fileSystemOf(place),
    'load before': loadavg()
      .map((load) => load.toFixed(1))
      .join(' '),
    date: new Date().toISOString().slice(0, 10),
  }
}

/** Type of the file system that a directory is on; a tmpfs would make every fsync free. */
function fileSystemOf(directory: string): string {
  const mounts = readFileSync('/proc/mounts', 'utf8').trim().split('\n')
  const found = mounts
    .map((line) => line.split(' '))
    .filter(([, at = '']) => at === '/' || `${directory}/`.startsWith(`${at}/`))
    .sort(([, a = ''], [, b = '']) => b.length - a.length)[0]
  return found?.[2] ?? 'unknown'
}

export function versions({ cache, servers }: Peers): Record<string, string> {
  const clients = CLIENTS.map((name) => [name, clientVersion(cache, name) ?? 'not installed'])
  return {
    agentmq: `${SOFTWARE.replace(/^agentmq /, '')}${commit()}`,
    node: process.version,
    'zeromq.js': zeromqJsVersion(),
    libzmq: zeromq.version,
    'nats-server': servers.nats.version ?? 'not installed',
    'redis-server': servers.redis.version ?? 'not installed',
    ...Object.fromEntries(clients),
  }
}

function zeromqJsVersion(): string {
  const file = new URL('../../../../node_modules/zeromq/package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** Of the checkout; empty outside of one. */
function commit(): string {
  try {
    const stdio: ('ignore' | 'pipe')[] = ['ignore', 'pipe', 'ignore']
    const said = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio })
    return ` at ${said.trim()}`
  } catch {
    return ''
  }
}
