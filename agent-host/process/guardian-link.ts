/** The host's side of its guardian: starts it, starts it again should it die, lets it go at the end. */
import { fileURLToPath } from 'node:url'
import { ProtocolError } from '../../protocol/errors.ts'
import { ChildProcess } from './child-process.ts'
import type { ProcessIdentity } from './process-tree.ts'
import { happensWithin, type Timers } from './timers.ts'

export const GUARDIAN_DEFAULTS = {
  graceMs: 3000, // ms for the children to leave by themselves once their stdin has closed
  retryMs: 200, // ms before a guardian that died is started again; doubles up to the next line
  maxRetryMs: 30_000,
  stopMs: 10_000, // ms that a normal stop waits for it; more than its own grace and sweep take
} as const

export interface GuardianOptions {
  readonly hostId: string
  readonly host: ProcessIdentity
  readonly timers: Timers
  /** Default `GUARDIAN_DEFAULTS.graceMs`. */
  readonly graceMs?: number
  /** The guardian died or could not be started; it is tried again by itself. */
  onTrouble?(error: ProtocolError): void
}

const PROGRAM = fileURLToPath(new URL('./guardian.js', import.meta.url))

export class GuardianLink {
  readonly #options: GuardianOptions
  #child: ChildProcess | undefined
  #retryMs: number = GUARDIAN_DEFAULTS.retryMs
  #sinceMs = 0
  #callOffRetry = (): void => {}
  #stopped: Promise<void> | undefined

  constructor(options: GuardianOptions) {
    this.#options = options
  }

  /** Pid of the present guardian; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.alive === true ? this.#child.pid : undefined
  }

  /** Resolves when the guardian runs, or a first try failed and was reported. Never rejects. */
  async start(): Promise<void> {
    try {
      const child = await this.#spawn()
      this.#child = child
      this.#sinceMs = this.#options.timers.now()
      child.unref()
      void child.died.then(({ exitCode, signal }) => this.#lost(String(signal ?? exitCode)))
      if (this.#stopped !== undefined) child.closeStdin()
    } catch (error) {
      this.#lost(ProtocolError.from(error, 'host', 'no').message)
    }
  }

  /**
   * Lets the guardian go: it ends at once when nothing of this host runs any more, else it ends that
   * first. Idempotent, never rejects.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#callOffRetry()
    const child = this.#child
    if (child === undefined) return
    child.closeStdin()
    await happensWithin(this.#options.timers, child.died, GUARDIAN_DEFAULTS.stopMs)
  }

  #spawn(): Promise<ChildProcess> {
    const { hostId, host, timers, graceMs = GUARDIAN_DEFAULTS.graceMs } = this.#options
    const life = `${host.pid}:${host.startTicks}`
    const options = {
      backend: 'guardian',
      command: process.execPath,
      args: [PROGRAM, hostId, life, String(graceMs)],
      cwd: '/',
      // No markers: the guardian must not find itself, nor be found by a sweep.
      env: {},
      markers: {},
      timers,
    }
    return ChildProcess.start(options, { line: () => {}, overflow: () => {}, error: () => {} })
  }

  #lost(how: string): void {
    if (this.#stopped !== undefined) return
    const livedMs = this.#options.timers.now() - this.#sinceMs
    if (this.#child !== undefined && livedMs > GUARDIAN_DEFAULTS.maxRetryMs) {
      this.#retryMs = GUARDIAN_DEFAULTS.retryMs
    }
    this.#child = undefined
    this.#options.onTrouble?.(
      new ProtocolError('AGENT_GONE', { session: 'guardian', how }, { where: 'host' }),
    )
    this.#callOffRetry = this.#options.timers.after(this.#retryMs, () => void this.start())
    this.#retryMs = Math.min(GUARDIAN_DEFAULTS.maxRetryMs, 2 * this.#retryMs)
  }
}
