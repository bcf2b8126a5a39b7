/** The processes and the directory of one run of one contestant. Whatever happens, all of it ends. */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { freePort } from './ports.ts'
import { cpuSecondsOf, memoryMb } from './proc.ts'
import { Program } from './program.ts'
import { Running } from './running.ts'
import { until } from './until.ts'

export const AGENTMQ = fileURLToPath(new URL('../../../clients/cli/main.js', import.meta.url))

export interface StageOptions {
  /** Directory for temporary files; on the disk that is to be measured. */
  readonly place: string
  /** Where profiles of our processes and programs go; undefined = none are taken. */
  readonly profiles: string | undefined
}

export interface PartOptions {
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Modules to load before the part. */
  readonly preload?: readonly string[]
}

export interface ServerOptions {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Resolves true once it takes connections. */
  readonly isUp: () => Promise<boolean>
}

export class Stage {
  readonly dir: string
  /** Rejects when a process ends that should not. */
  readonly failed: Promise<never>
  #fail: (error: Error) => void = () => undefined
  #ended: Promise<void> | undefined
  readonly #options: StageOptions
  readonly #running: Running[] = []
  #names = 0

  constructor(options: StageOptions) {
    this.#options = options
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined) // for whoever asks
    // Short, because the paths of sockets are limited to 107 bytes.
    this.dir = realpathSync(mkdtempSync(join(options.place, 'amqb-')))
    mkdirSync(join(this.dir, 'work'))
  }

  /** `agentmq broker` or `agentmq host` on the directory of this stage. */
  async part(name: 'broker' | 'host', options: PartOptions = {}): Promise<Running> {
    const { flags = [], env = {}, preload = [] } = options
    const common = ['--dir', this.dir, '--ready-fd', '3', '--exit-with-parent']
    const log = ['--log-file', join(this.dir, `${name}.log`)]
    const nodeFlags = [...this.#profile(name), ...preload.flatMap((file) => ['--import', file])]
    const running = this.#start({
      name,
      command: process.execPath,
      args: [...nodeFlags, AGENTMQ, name, ...common, ...log, ...flags],
      env,
      channel: 'pipe',
    })
    const lines = createInterface({ input: running.process.stdio[3] as Readable })
    await running.untilReady(once(lines, 'line'))
    this.#watch(running)
    return running
  }

  /** A program of `test/bench/programs`. */
  program(name: string, options: object = {}, nodeFlags: readonly string[] = []): Promise<Program> {
    const file = fileURLToPath(new URL(`../programs/${name}.js`, import.meta.url))
    const running = this.#start({
      name,
      command: process.execPath,
      args: [...this.#profile(name), ...nodeFlags, file, JSON.stringify(options)],
      channel: 'ipc',
    })
    this.#watch(running)
    return Program.start(running)
  }

  /** A server that is not ours; resolves when it takes connections. */
  async server({ name, command, args, isUp }: ServerOptions): Promise<Running> {
    const running = this.#start({ name, command, args, channel: 'ignore' })
    await running.untilReady(until(isUp))
    return running
  }

  #watch(running: Running): void {
    void running.exited.then((end) => {
      if (!this.#ended) this.#fail(new Error(`${running.name} ended with ${end}`))
    })
  }

  /** Any process, at once. */
  spawn(name: string, command: string, args: readonly string[], env = {}): Running {
    return this.#start({ name, command, args, env, channel: 'ignore' })
  }

  freePort(): Promise<number> {
    return freePort()
  }

  /** CPU seconds that everything on this stage, children included, used during the work. */
  async cpuOf<T>(work: () => Promise<T>): Promise<{ result: T; cpuSeconds: number }> {
    const before = cpuSecondsOf(this.#pids())
    const result = await work()
    return { result, cpuSeconds: cpuSecondsOf(this.#pids()) - before }
  }

  /** Most memory that a process has had so far, MB. */
  peakMb({ pid }: { readonly pid: number }): number {
    return memoryMb(pid, 'VmHWM')
  }

  /** Ends all processes, the latest first, and removes the directory. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    for (const running of this.#running.splice(0).reverse()) await running.end()
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 })
  }

  #pids(): number[] {
    return this.#running.map(({ pid }) => pid)
  }

  #profile(name: string): string[] {
    const { profiles } = this.#options
    if (profiles === undefined) return []
    this.#names += 1
    const file = `${name}-${process.hrtime.bigint()}-${this.#names}.cpuprofile`
    return ['--cpu-prof', '--cpu-prof-dir', profiles, '--cpu-prof-name', file]
  }

  #start(options: Omit<ConstructorParameters<typeof Running>[0], 'dir'>): Running {
    if (this.#ended) throw new Error('the stage has ended')
    const running = new Running({ ...options, dir: this.dir })
    this.#running.push(running)
    return running
  }
}
