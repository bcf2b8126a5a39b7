/** A process that the bench started: known by its pid, ended by its pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'

/** How long a process may take to end by itself, ms. */
const END_MS = 10_000

/** What still runs, so that nothing is left when this process ends in whatever way it can notice. */
const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

export interface SpawnOptions {
  readonly name: string
  readonly dir: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What stands on the fourth descriptor. */
  readonly channel: 'pipe' | 'ipc' | 'ignore'
}

export class Running {
  readonly name: string
  readonly process: ChildProcess
  readonly exited: Promise<string>
  readonly #errors: string

  constructor({ name, dir, command, args, env = {}, channel }: SpawnOptions) {
    this.name = name
    this.#errors = `${dir}/${name}.err`
    const errors = openSync(this.#errors, 'a')
    this.process = spawn(command, args, {
      cwd: dir,
      env: { PATH: process.env['PATH'], HOME: dir, ...env },
      stdio: ['pipe', 'ignore', errors, channel],
    })
    closeSync(errors) // the child has its own
    this.process.stdin?.on('error', () => undefined)
    alive.add(this.process)
    this.exited = this.#untilExit()
  }

  async #untilExit(): Promise<string> {
    try {
      const [code, signal] = (await once(this.process, 'exit')) as [number | null, string | null]
      return String(signal ?? code)
    } finally {
      alive.delete(this.process)
    }
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  /** Resolves as `ready` does, unless the process ends before or takes too long. */
  async untilReady<T>(ready: Promise<T>, withinMs = 60_000): Promise<T> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), withinMs)
    const failed = this.exited.then((end) => {
      const said = readFileSync(this.#errors, 'utf8').trim().slice(-2000)
      throw new Error(`${this.name} ended with ${end} before it was ready\n${said}`)
    })
    return Promise.race([ready, failed]).finally(() => clearTimeout(timer))
  }

  /** One that takes orders ends by itself when it is let go, so that it can write what it has to. */
  async end(): Promise<string> {
    if (this.process.connected) this.process.disconnect()
    else this.process.kill('SIGTERM')
    const timer = setTimeout(() => this.process.kill('SIGKILL'), END_MS)
    return this.exited.finally(() => clearTimeout(timer))
  }
}
