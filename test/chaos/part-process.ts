/** A process of a run: started, known by pid, ended by pid; one that ends unasked is noticed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const AGENTMQ = fileURLToPath(new URL('../../clients/cli/main.js', import.meta.url))
const READY_MS = 30_000

export class PartProcess {
  readonly name: string
  readonly process: ChildProcess
  readonly exited: Promise<string>
  #isExpected = false

  constructor(name: string, child: ChildProcess, onSurprise: (what: string) => void) {
    this.name = name
    this.process = child
    this.exited = once(child, 'exit').then(([code, signal]) => String(signal ?? code))
    void this.exited.then((end) => this.#isExpected || onSurprise(`${name} ended with ${end}`))
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  /** From now on its end is no surprise. */
  release(): void {
    this.#isExpected = true
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  /** Ends it and waits; one that does not end within the time is killed and told as `stuck`. */
  async end(signal: NodeJS.Signals, withinMs = 20_000): Promise<string> {
    this.release()
    this.signal(signal)
    const timer = setTimeout(() => this.signal('SIGKILL'), withinMs)
    const end = await this.exited
    clearTimeout(timer)
    return end
  }
}

export interface PartOptions {
  readonly name: string
  readonly part: 'broker' | 'host'
  readonly dir: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly onSurprise: (what: string) => void
}

/** Resolves when the part says that it is ready. It ends when this process does. */
export async function startPart(options: PartOptions): Promise<PartProcess> {
  const { name, part, dir, args, env, onSurprise } = options
  const log = `${dir}/${name}.log`
  const common = ['--dir', dir, '--ready-fd', '3', '--log-file', log, '--exit-with-parent']
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', AGENTMQ, part, ...common, ...args],
    {
      cwd: dir,
      env: { PATH: process.env['PATH'], HOME: dir, ...env },
      stdio: ['pipe', 'ignore', openSync(`${dir}/${name}.err`, 'a'), 'pipe'],
    },
  )
  child.stdin?.on('error', () => undefined)
  const running = new PartProcess(name, child, onSurprise)
  await readiness(running, once(createInterface({ input: child.stdio[3] as Readable }), 'line'))
  return running
}

export interface ProgramOptions {
  readonly name: string
  /** File of the program; its one argument is `options` as JSON. */
  readonly program: string
  readonly dir: string
  readonly options: object
  readonly onSurprise: (what: string) => void
}

/** Resolves with the first message of the program. It ends when this process does. */
export async function startProgram(settings: ProgramOptions): Promise<PartProcess> {
  const { name, program, dir, options, onSurprise } = settings
  const args = ['--enable-source-maps', program, JSON.stringify(options)]
  const child = spawn(process.execPath, args, {
    cwd: dir,
    env: { PATH: process.env['PATH'], HOME: dir },
    stdio: ['ignore', 'ignore', openSync(`${dir}/${name}.err`, 'a'), 'ipc'],
  })
  child.on('error', () => undefined) // an order to one that has just been killed
  const running = new PartProcess(name, child, onSurprise)
  await readiness(running, once(child, 'message'))
  return running
}

async function readiness(part: PartProcess, ready: Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => part.signal('SIGKILL'), READY_MS)
  const failed = part.exited.then((end) => {
    throw new Error(`${part.name} ended with ${end} before it was ready`)
  })
  await Promise.race([ready, failed]).finally(() => clearTimeout(timer))
}
