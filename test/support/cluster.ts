/** A real broker and real hosts as processes, in a directory of their own, for one test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { type Client, type ConnectOptions, connect } from '../../clients/sdk/index.ts'
import { BARE_NODE } from './bare-node.ts'

const ENTRY = fileURLToPath(new URL('./part.js', import.meta.url))

/** A part takes well under a second to start; a busy machine is given much more. */
const READY_MS = 30_000

const PART_NAMES = ['broker', 'agent-host', 'clients/shim'] as const
type PartName = (typeof PART_NAMES)[number]

export interface Part {
  readonly process: ChildProcess
  readonly pid: number
  /** The JSON line that it wrote when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>
  /** Resolves with the exit code, or the signal. */
  readonly exited: Promise<number | string>
  /** All that it wrote to its standard output and error. */
  readonly said: () => string
}

export interface PartOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A command that runs it in its own process, such as `unshare --net`. */
  readonly within?: readonly string[]
}

export class Cluster {
  readonly dir: string
  readonly workspace: string
  readonly #parts = new Set<Part>()
  readonly #clients = new Set<Client>()

  private constructor(dir: string) {
    this.dir = dir
    this.workspace = join(dir, 'work')
  }

  /** Everything ends with the test. With `DEBUG_CLUSTER=1` the logs are printed as comments. */
  static async make(t: Test): Promise<Cluster> {
    // Short, because the paths of sockets are limited to 107 bytes.
    const cluster = new Cluster(await realpath(await mkdtemp(join(tmpdir(), 'amq-'))))
    await mkdir(cluster.workspace)
    t.teardown(() => cluster.end(t))
    return cluster
  }

  /** A broker and one host with the demo agent at full speed. */
  static async start(t: Test): Promise<{ cluster: Cluster; broker: Part; host: Part }> {
    const cluster = await Cluster.make(t)
    const broker = await cluster.broker()
    const host = await cluster.host()
    return { cluster, broker, host }
  }

  broker(options: PartOptions = {}): Promise<Part> {
    return this.#start('broker', options)
  }

  host(options: PartOptions = {}): Promise<Part> {
    const env = { AGENTMQ_DEMO_DELAY_MS: '0', ...options.env }
    return this.#start('agent-host', { ...options, env })
  }

  /** A shim whose doors stand on ports and paths of their own, as `ready.doors` tells. */
  shim(options: PartOptions = {}): Promise<Part> {
    const own: readonly (readonly [flag: string, value: string])[] = [
      ...['http', 'pub', 'ws', 'rep', 'metrics'].map((door) => [`--${door}-port`, '0'] as const),
      ['--unix-path', join(this.dir, 'daemon.sock')],
      ['--attach-dir', this.dir],
    ]
    const { args = [] } = options
    const more = own.filter(([flag]) => !args.includes(flag)).flat()
    return this.#start('clients/shim', { ...options, args: [...more, ...args] })
  }

  async connect(options: ConnectOptions = {}): Promise<Client> {
    const client = await connect({ dir: this.dir, ...options })
    this.#clients.add(client)
    return client
  }

  logOf(part: PartName): string {
    const path = logPath(this.dir, part)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  async #start(name: PartName, options: PartOptions): Promise<Part> {
    const log = logPath(this.dir, name)
    const args = [
      '--dir',
      this.dir,
      '--ready-fd',
      '3',
      '--exit-with-parent',
      '--log-file',
      log,
      ...(options.args ?? []),
    ]
    const line = [...(options.within ?? []), ...BARE_NODE, ENTRY, name, ...args]
    const child = spawn(line[0] ?? '', line.slice(1), {
      cwd: this.workspace,
      env: { ...process.env, AGENTMQ_DEMO_STATE: join(this.dir, 'demo'), ...options.env },
      // Its stdin ends with this process, however that ends, and it holds nothing of this one open.
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    })
    const said = listen(child)
    const exited = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | string)
    const ready = await readiness(child, exited, said)
    const part = { process: child, pid: child.pid ?? 0, ready, exited, said }
    this.#parts.add(part)
    return part
  }

  /** Ends a part with a signal and waits until it is gone. */
  async signal(part: Part, signal: NodeJS.Signals): Promise<number | string> {
    part.process.kill(signal)
    const end = await part.exited
    this.#parts.delete(part)
    return end
  }

  async end(t: Test): Promise<void> {
    for (const client of this.#clients) await client.close()
    // The broker last: what the others still have to deliver needs it.
    const others = [...this.#parts].filter(({ ready }) => 'host' in ready || 'doors' in ready)
    for (const part of [...others, ...this.#parts].filter((part) => this.#parts.has(part))) {
      part.process.kill('SIGCONT')
      await this.signal(part, 'SIGTERM')
    }
    if (process.env['DEBUG_CLUSTER'] === '1') {
      for (const name of PART_NAMES) t.comment(this.logOf(name))
    }
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

function logPath(dir: string, part: PartName): string {
  return join(dir, `${basename(part)}.log`)
}

function listen({ stdout, stderr }: ChildProcess): () => string {
  const parts: Buffer[] = []
  for (const pipe of [stdout, stderr]) pipe?.on('data', (data: Buffer) => parts.push(data))
  return () => Buffer.concat(parts).toString()
}

async function readiness(
  child: ChildProcess,
  exited: Promise<number | string>,
  said: () => string,
): Promise<Readonly<Record<string, unknown>>> {
  const lines = createInterface({ input: child.stdio[3] as Readable })
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS)
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => String(text)),
    exited.then((end) => {
      throw new Error(`the part ended with ${end}: ${said()}`)
    }),
  ]).finally(() => clearTimeout(timer))
  return JSON.parse(line) as Record<string, unknown>
}
