/**
 * One part as a child process: started, waited for until it says that it is usable, stopped. Knows
 * nothing of restarts. The child ends by itself when this process is gone: its stdin ends then.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { PartName } from '../parts.ts'
import type { ReadyInfo } from './events.ts'
import { PartFailed } from './part-failed.ts'

/** The file descriptor on which a part says that it is ready. */
const READY_FD = 3
const STDERR_TAIL_LINES = 20

export interface PartOptions {
  readonly part: PartName
  /** The compiled `agentmq` command. */
  readonly entry: string
  readonly flags: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly readyMs: number
  /** A line that the part wrote to stderr. */
  readonly said: (line: string) => void
}

export class PartProcess {
  readonly #options: PartOptions
  readonly #child: ChildProcess
  readonly #tail: string[] = []
  /** Resolves with how the process ended; never rejects. */
  readonly ended: Promise<PartFailed>

  constructor(options: PartOptions) {
    this.#options = options
    const { entry, part, flags, env } = options
    const own = ['--ready-fd', String(READY_FD), '--exit-with-parent']
    this.#child = spawn(process.execPath, [entry, part, ...flags, ...own], {
      env: { ...env },
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      detached: true, // Ctrl-C goes to the supervisor alone, which stops the parts in order
    })
    this.#child.stdin?.on('error', () => undefined) // the pipe breaks when the child dies
    this.#readStderr()
    this.ended = this.#untilEnd()
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves with what the part says of itself once it is usable; rejects when it will not be. */
  async ready(): Promise<ReadyInfo> {
    const { part, readyMs } = this.#options
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), readyMs)
    const tooLate = once(late.signal, 'abort').then(() => {
      this.kill()
      throw new PartFailed(part, `not ready after ${readyMs} ms`, null, this.#tail)
    })
    const died = this.ended.then((failed) => {
      throw failed
    })
    try {
      return await Promise.race([this.#readyLine(), died, tooLate])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Asks the part to drain; after `graceMs` it is killed. Resolves with how it ended. */
  async stop(graceMs: number): Promise<PartFailed> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.kill(), graceMs)
    const ended = await this.ended
    clearTimeout(timer)
    return ended
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Goes on reading after the first line: a host says it again whenever it has come back. */
  #readyLine(): Promise<ReadyInfo> {
    const lines = createInterface({ input: this.#child.stdio[READY_FD] as Readable })
    return new Promise((resolve) => {
      lines.on('line', (line) => {
        const said: unknown = JSON.parse(line)
        if (isReadyLine(said)) resolve(textsOf(said))
      })
    })
  }

  #readStderr(): void {
    const { stderr } = this.#child
    if (!stderr) return
    createInterface({ input: stderr }).on('line', (line) => {
      this.#tail.push(line)
      if (this.#tail.length > STDERR_TAIL_LINES) this.#tail.shift()
      this.#options.said(line)
    })
  }

  async #untilEnd(): Promise<PartFailed> {
    const { part } = this.#options
    return await new Promise((resolve) => {
      const end = (how: string, code: number | null) =>
        resolve(new PartFailed(part, how, code, this.#tail))
      this.#child.once('error', (error) => end(error.message, null))
      this.#child.once('close', (code, signal) => end(signal ?? `exit code ${code}`, code))
    })
  }
}

function isReadyLine(said: unknown): said is object {
  return typeof said === 'object' && said !== null && 'ready' in said && said.ready === true
}

function textsOf(said: object): ReadyInfo {
  const { doors = {}, ...own } = said as { doors?: object }
  const entries = [...Object.entries(own), ...Object.entries(doors).map(addressesOf)]
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** A door may be reached at several addresses, or at those of another door. */
function addressesOf([door, addresses]: [string, unknown]): [string, unknown] {
  const isElsewhere = !Array.isArray(addresses) || addresses.length === 0
  return [door, isElsewhere ? undefined : addresses.join(' ')]
}
