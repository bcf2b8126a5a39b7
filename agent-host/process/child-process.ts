/**
 * One child process with its three pipes. The only user of node:child_process. Knows nothing of what
 * the lines mean and nothing of how a child is stopped; `stop.ts` does that.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { ProtocolError } from '../../protocol/errors.ts'
import { type Line, LineReader } from './line-reader.ts'
import { type Markers, SESSION_VARIABLE } from './markers.ts'
import { startFailure } from './start-failure.ts'
import { StderrRing } from './stderr-ring.ts'
import { Countdown, realTimers, type Timers } from './timers.ts'

export const CHILD_DEFAULTS = {
  maxStdinBytes: 16 * 1024 * 1024, // bytes waiting for a child that does not read
  maxStderrLineBytes: 64 * 1024, // bytes; a longer line of stderr is cut out, its tail is in the ring
  pipeGraceMs: 2000, // ms of reading after the child's death for pipes that a grandchild holds open
} as const

export interface ChildOptions {
  /** Name of the backend, for error messages. */
  readonly backend: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  /** The path by which `cwd` is entered; default: its own. */
  readonly entrance?: string
  /** The whole environment, apart from the markers. Nothing of the host's own is added. */
  readonly env: Readonly<Record<string, string>>
  /** Added to `env`, and by which the child's leftovers are found. */
  readonly markers: Markers
  readonly maxLineBytes?: number
  readonly maxStdinBytes?: number
  readonly pipeGraceMs?: number
  readonly timers?: Timers
}

export interface ChildEvents {
  /** A line of stdout. After `pause()` at most the lines of one read (64 KiB) still come. */
  line(line: Line): void
  /** A line of stdout was over the limit and left out; its length in bytes. */
  overflow(bytes: number): void
  /** A line of stderr; comes also while paused, because stderr is always drained. */
  stderrLine?(line: Line): void
  /** OVERLOADED: the child does not read its stdin. AGENT_GONE: it has closed its stdin. */
  error(error: ProtocolError): void
}

/** The true end of a process: exactly one of the two is null. */
export interface Exit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

export class ChildProcess {
  readonly pid: number
  readonly markers: Markers
  readonly stderr = new StderrRing()
  /** Settles as soon as the process has ended, whoever still holds its pipes. Never rejects. */
  readonly died: Promise<Exit>
  /**
   * Settles when the process has ended and its stdout was read to the end, or after the grace when
   * something else holds a pipe open. While paused nothing is read, and this waits. Never rejects.
   */
  readonly exited: Promise<Exit>
  readonly #raw: ChildProcessWithoutNullStreams
  readonly #events: ChildEvents
  readonly #maxStdinBytes: number
  readonly #stdout: LineReader
  readonly #grace: Countdown
  #paused = false
  #exit: Exit | undefined

  /** Starts the child in a process group of its own. Throws START_FAILED, saying which part failed. */
  static async start(options: ChildOptions, events: ChildEvents): Promise<ChildProcess> {
    try {
      const raw = spawn(options.command, options.args, {
        cwd: options.entrance ?? options.cwd,
        env: { ...options.env, ...options.markers },
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      await once(raw, 'spawn')
      return new ChildProcess(raw, options, events)
    } catch (error) {
      throw await startFailure(options, error)
    }
  }

  private constructor(
    raw: ChildProcessWithoutNullStreams,
    options: ChildOptions,
    events: ChildEvents,
  ) {
    this.#raw = raw
    this.#events = events
    this.pid = raw.pid ?? 0
    this.markers = options.markers
    this.#maxStdinBytes = options.maxStdinBytes ?? CHILD_DEFAULTS.maxStdinBytes
    const graceMs = options.pipeGraceMs ?? CHILD_DEFAULTS.pipeGraceMs
    this.#grace = new Countdown(options.timers ?? realTimers, graceMs, () => this.#abandonPipes())
    this.#stdout = new LineReader({
      ...(options.maxLineBytes !== undefined && { maxLineBytes: options.maxLineBytes }),
      onLine: (line) => events.line(line),
      onOverflow: (bytes) => events.overflow(bytes),
    })
    this.died = new Promise((resolve) => raw.once('exit', (...end) => resolve(this.#end(...end))))
    this.exited = new Promise((resolve) => raw.once('close', () => resolve(this.#drained())))
    this.#readStdout()
    this.#readStderr()
    raw.stdin.on('error', () => this.#stdinFailed())
    raw.on('error', () => {}) // a signal that could not be sent; `signalGroup` answers for it
  }

  get paused(): boolean {
    return this.#paused
  }

  /** While this is true, the pid is this child's and nobody else's. */
  get alive(): boolean {
    return this.#exit === undefined
  }

  /** Bytes that are kept of a line of stdout that has not ended yet. */
  get heldBytes(): number {
    return this.#stdout.heldBytes
  }

  /** Queued for stdin and not yet taken by the pipe. */
  get stdinBytes(): number {
    return this.#raw.stdin.writableLength
  }

  /** Stops reading stdout: the pipe fills and the child waits. */
  pause(): void {
    this.#paused = true
    this.#grace.hold()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#exit !== undefined) this.#grace.go()
    this.#take()
  }

  /** Queues one line for stdin. False when it was not taken: input closed, or the queue is full. */
  write(line: string): boolean {
    const { stdin } = this.#raw
    if (!stdin.writable) return false
    const waiting = stdin.writableLength + Buffer.byteLength(line) + 1
    if (waiting > this.#maxStdinBytes) {
      const details = { what: 'the input queue of the child', limit: this.#maxStdinBytes }
      this.#events.error(new ProtocolError('OVERLOADED', details, { where: 'host' }))
      return false
    }
    stdin.write(`${line}\n`)
    return true
  }

  /** Ends stdin after what is queued. */
  closeStdin(): void {
    this.#raw.stdin.end()
  }

  /** Signals the child's process group. False once the child has ended: its number may be another's. */
  signalGroup(signal: NodeJS.Signals): boolean {
    return this.alive && signalPid(-this.pid, signal)
  }

  /** Signals the child alone. False once it has ended. */
  signal(signal: NodeJS.Signals): boolean {
    return this.alive && signalPid(this.pid, signal)
  }

  /** Signals what the child has left in its group. Only right after its death, for the same reason. */
  signalRemains(signal: NodeJS.Signals): boolean {
    return signalPid(-this.pid, signal)
  }

  /** Lets this process end while the child lives. */
  unref(): void {
    this.#raw.unref()
    for (const pipe of this.#raw.stdio) if (pipe instanceof Socket) pipe.unref()
  }

  /** Reads by hand: a flowing stream is set flowing again by Node when the child dies, paused or not. */
  #readStdout(): void {
    this.#raw.stdout.on('readable', () => this.#take())
    this.#raw.stdout.once('end', () => this.#stdout.end())
  }

  #take(): void {
    while (!this.#paused) {
      const chunk: unknown = this.#raw.stdout.read()
      if (!Buffer.isBuffer(chunk)) return
      this.#stdout.push(chunk)
    }
  }

  #readStderr(): void {
    const lines = new LineReader({
      maxLineBytes: CHILD_DEFAULTS.maxStderrLineBytes,
      onLine: (line) => this.#events.stderrLine?.(line),
      onOverflow: () => {},
    })
    this.#raw.stderr.on('data', (chunk: Buffer) => {
      this.stderr.push(chunk)
      lines.push(chunk)
    })
    this.#raw.stderr.once('end', () => lines.end())
  }

  #end(exitCode: number | null, signal: NodeJS.Signals | null): Exit {
    this.#exit = { exitCode, signal }
    if (!this.#paused) this.#grace.go()
    return this.#exit
  }

  #drained(): Exit {
    this.#grace.hold()
    this.#stdout.end()
    return this.#exit ?? { exitCode: null, signal: null }
  }

  #abandonPipes(): void {
    this.#raw.stdout.destroy()
    this.#raw.stderr.destroy()
  }

  #stdinFailed(): void {
    if (this.#exit !== undefined) return
    const details = { session: this.markers[SESSION_VARIABLE] ?? '', how: 'it closed its input' }
    this.#events.error(new ProtocolError('AGENT_GONE', details, { where: 'host' }))
  }
}

/** What a session does with its child; a simulation has children without processes. */
export type Child = Pick<
  ChildProcess,
  | 'pid'
  | 'alive'
  | 'paused'
  | 'markers'
  | 'stderr'
  | 'died'
  | 'exited'
  | 'write'
  | 'stdinBytes'
  | 'pause'
  | 'resume'
  | 'closeStdin'
  | 'signalGroup'
  | 'signalRemains'
>

export type StartChild = (options: ChildOptions, events: ChildEvents) => Promise<Child>

/** 0 and 1, and their groups, would be our own group, every process there is, or init. */
function signalPid(pid: number, signal: NodeJS.Signals): boolean {
  if (Math.abs(pid) <= 1) return false
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
