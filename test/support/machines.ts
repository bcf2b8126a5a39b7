/**
 * Machines of their own on one wire: each has a network namespace and a home, and nothing else hears them.
 * Only where network namespaces can be made: Linux, as root.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { binDir, type CliResult, CliRun, shortDir } from './cli.ts'

/** Why there can be none here; undefined = there can. */
export function noMachines(): string | undefined {
  const makes = 'ip link add amq0 type veth peer name amq1'
  const { status, stderr, error } = spawnSync('unshare', ['--net', 'sh', '-c', makes])
  if (status === 0) return undefined
  return `no network namespaces with a wire between them: ${error?.message ?? stderr.toString().trim()}`
}

export class Machine {
  readonly home: string
  readonly address: string
  readonly #t: Test
  readonly #pid: number
  readonly #path: string

  constructor(t: Test, pid: number, address: string) {
    this.#t = t
    this.#pid = pid
    this.address = address
    this.home = shortDir(t)
    this.#path = `${binDir(t)}:${process.env['PATH']}`
  }

  /** Starts what a person types. */
  start(command: string): CliRun {
    const env = { PATH: this.#path, AGENTMQ_DEMO_DELAY_MS: '0' }
    return new CliRun(this.#t, this.home, [...this.#inside, 'sh', '-c', `exec ${command}`], {
      env,
      input: null,
    })
  }

  /** The same, to its end. */
  async run(command: string): Promise<CliResult> {
    const run = this.start(command)
    run.process.stdin?.end()
    return await run.result
  }

  /** Sets its network up. */
  ip(...args: string[]): void {
    const { status, stderr } = spawnSync('nsenter', [...this.#inside.slice(1), 'ip', ...args])
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${String(stderr)}`)
  }

  get #inside(): string[] {
    return ['nsenter', '--target', String(this.#pid), '--net']
  }
}

export interface Wire {
  readonly machines: readonly [Machine, Machine]
  /** Nothing gets through from now on, in either direction, and nobody is told. */
  cut(): void
  mend(): void
}

/** Two machines with a wire between them, until the test ends. */
export async function twoMachines(t: Test): Promise<Wire> {
  const [near, far] = [await namespace(t), await namespace(t)]
  const machines = [new Machine(t, near, '10.83.0.1'), new Machine(t, far, '10.83.0.2')] as const
  const [one, other] = machines
  one.ip('link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'wire', 'netns', String(far))
  for (const machine of machines) {
    machine.ip('addr', 'add', `${machine.address}/24`, 'dev', 'wire')
    machine.ip('link', 'set', 'lo', 'up')
    machine.ip('link', 'set', 'wire', 'up')
  }
  return {
    machines: [one, other],
    cut: () => other.ip('link', 'set', 'wire', 'down'),
    mend: () => other.ip('link', 'set', 'wire', 'up'),
  }
}

/** A process that holds a network of its own; its pid. It ends with this process, however that ends. */
async function namespace(t: Test): Promise<number> {
  const holder = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] })
  t.teardown(async () => {
    holder.kill('SIGKILL')
    await ended(holder)
  })
  const { pid = 0 } = holder
  const own = readlinkSync('/proc/self/ns/net')
  while (readlinkSync(`/proc/${pid}/ns/net`) === own) await delay(5) // nobody tells when it has moved
  return pid
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
