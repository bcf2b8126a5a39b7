/** A process of a run: started, known by pid, ended by pid; one that ends unasked is noticed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { BARE_NODE } from '../support/bare-node.ts'

const AGENTMQ = fileURLToPath(new URL('../../clients/cli/main.js', import.meta.url))
const READY_MS = 30_000

export class PartProcess {
  readonly name: string
  readonly process: ChildProcess
  readonly exited: Promise<string>
  readonly #onSurprise: (what: string) => void
  #isExpected = false

  constructor(name: string, child: ChildProcess, onSurprise: (what: string) => void) {
    this.name = name
    this.process = child
    this.#onSurprise = onSurprise
    this.exited = once(child, 'exit').then(([code, signal]) => String(signal ?? code))
    void this.exited.then((end) => this.#isExpected || onSurprise(`${name} ended with ${end}`))
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null
  }

  /** From now on its end is no surprise. */
  release(): void {
    this.#isExpected = true
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  /** Ends it and waits; one that does not end by SIGTERM, or not well, is a surprise too. */
  async end(signal: NodeJS.Signals, withinMs = 30_000): Promise<void> {
    this.release()
    this.signal(signal)
    const timer = setTimeout(() => this.signal('SIGKILL'), withinMs)
    const end = await this.exited
    clearTimeout(timer)
    if (signal === 'SIGTERM' && end !== '0') {
      this.#onSurprise(`${this.name} was told to end and ended with ${end}`)
    }
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
  const child = spawnNode(options, [AGENTMQ, part, ...common, ...args], 'pipe', env)
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

/** Resolves after the first message of the program. It ends when this process does. */
export async function startProgram(settings: ProgramOptions): Promise<PartProcess> {
  const { name, program, options, onSurprise } = settings
  const child = spawnNode(settings, [program, JSON.stringify(options)], 'ipc')
  child.on('error', () => undefined) // an order to one that has just been killed
  const running = new PartProcess(name, child, onSurprise)
  await readiness(running, once(child, 'message'))
  return running
}

/** With stderr in a file; stdin and the fourth descriptor, or the IPC channel, lead to this process. */
function spawnNode(
  { name, dir }: Pick<PartOptions, 'name' | 'dir'>,
  args: readonly string[],
  channel: 'pipe' | 'ipc',
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const errors = openSync(`${dir}/${name}.err`, 'a')
  try {
    const [command, ...before] = BARE_NODE
    return spawn(command, [...before, '--enable-source-maps', ...args], {
      cwd: dir,
      env: { PATH: process.env['PATH'], HOME: dir, ...env },
      stdio: [channel === 'pipe' ? 'pipe' : 'ignore', 'ignore', errors, channel],
    })
  } finally {
    closeSync(errors) // the child has its own; a long run starts hundreds
  }
}

async function readiness(part: PartProcess, ready: Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => part.signal('SIGKILL'), READY_MS)
  const failed = part.exited.then((end) => {
    throw new Error(`${part.name} ended with ${end} before it was ready`)
  })
  await Promise.race([ready, failed]).finally(() => clearTimeout(timer))
}
